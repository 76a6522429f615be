"""An endpoint that refuses a way of asking is asked otherwise, in the same call, and from then on: a refusal is free."""

from dataclasses import replace

import pytest

from gateway.types import ProviderError, Rejected, Throttled
from tests.chat_server import Reply, error
from tests.gateway.sides import ANSWER, KEY, REQUEST, SIDES, Side
from tests.model_server import encoded
from tests.waiting import Waiting

SCHEMA = REQUEST.schema_text
IN_WORDS = (
    "Answer with one JSON object and nothing else: no Markdown, no code fence. It has to follow this JSON Schema:\n"
    f"{SCHEMA}"
)


@pytest.fixture
def side() -> Side:
    return SIDES["openai"]


def failure_of(provider: Waiting) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.complete(REQUEST)
    return raised.value


class Endpoint:
    """Answers what it takes, and refuses the rest as such endpoints do. `taking`: what is wrong with a request, or nothing."""

    def __init__(self, taking):
        self.taking = taking

    def __call__(self, request):
        refusal = self.taking(request)
        return ANSWER if refusal is None else refusal


def serving(side, taking):
    return side.server(Endpoint(taking))


def extra_forbidden(name: str) -> Reply:
    """As pydantic behind FastAPI says it (Mistral, vLLM)."""
    told = {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}]}
    return Reply(encoded({"object": "error", "message": told, "type": "invalid_request_error"}), 422)


def no_max_tokens(request):
    if "max_tokens" in request:
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return error(400, said, code="unsupported_parameter", param="max_tokens")
    return None


def no_max_completion_tokens(request):
    return extra_forbidden("max_completion_tokens") if "max_completion_tokens" in request else None


def no_system(request):
    if request["messages"][0]["role"] == "system":
        said = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        return error(400, said, code="unsupported_value", param="messages[0].role")
    return None


def no_system_in_its_template(request):
    roles = [message["role"] for message in request["messages"]]
    return error(400, "System role not supported") if "system" in roles else None


def no_strict(request):
    if request.get("response_format", {}).get("json_schema", {}).get("strict"):
        return error(
            400, "Invalid schema for response_format 'answer': 'default' is not permitted.", param="response_format"
        )
    return None


def no_json_schema(request):
    kind = request.get("response_format", {}).get("type")
    return error(400, "This response_format type is unavailable now") if kind == "json_schema" else None


def no_response_format(request):
    return extra_forbidden("response_format") if "response_format" in request else None


def asked(request: dict) -> dict:
    """What of a request may differ from endpoint to endpoint."""
    kind = request.get("response_format", {"type": ""})
    system = [message["content"] for message in request["messages"] if message["role"] == "system"]
    return {
        "limit": next(name for name in ("max_tokens", "max_completion_tokens") if name in request),
        "system": bool(system),
        "form": kind["type"],
        "strict": kind.get("json_schema", {}).get("strict", False),
        "words": any(IN_WORDS in message["content"] for message in request["messages"]),
    }


USUAL = {"limit": "max_tokens", "system": True, "form": "json_schema", "strict": True, "words": False}
OTHERWISE = {
    no_max_tokens: {"limit": "max_completion_tokens"},
    no_system: {"system": False},
    no_system_in_its_template: {"system": False},
    no_strict: {"strict": False},
    no_json_schema: {"form": "json_object", "strict": False, "words": True},
    no_response_format: {"form": "", "strict": False, "words": True},
}


@pytest.mark.parametrize("taking", OTHERWISE)
def test_what_is_refused_is_asked_otherwise_in_the_same_call_and_remembered(side, taking):
    with serving(side, taking) as server:
        provider = Waiting(side.provider(KEY, server.url))
        assert provider.complete(REQUEST).text == ANSWER
        needed = len(server.requests)
        assert 2 <= needed <= 3
        assert asked(server.requests[0]) == USUAL
        assert asked(server.requests[-1]) == {**USUAL, **OTHERWISE[taking]}
        provider.complete(REQUEST)
        assert server.requests[needed:] == [server.requests[needed - 1]]
        provider.complete(replace(REQUEST, model="another"))
        assert asked(server.requests[needed + 1]) == USUAL  # of another model nothing is known
        provider.close()


def test_nothing_of_the_prompt_is_lost_without_the_system_role(side):
    with serving(side, no_system) as server:
        provider = Waiting(side.provider(KEY, server.url))
        provider.complete(REQUEST)
        provider.close()
    [message] = server.requests[-1]["messages"]
    assert message == {
        "role": "user",
        "content": "What holds for every step.\n\nWhich order is meant?\n\nMy parcel with the blue vase did not arrive.",
    }


def test_an_endpoint_that_takes_nothing_but_a_message_gets_one(side):
    def nothing(request):
        refusals = (no_response_format(request), no_system(request), no_max_tokens(request))
        return next(filter(None, refusals), None)

    with serving(side, nothing) as server:
        provider = Waiting(side.provider(KEY, server.url))
        assert provider.complete(REQUEST).text == ANSWER
        assert asked(server.requests[-1]) == {
            "limit": "max_completion_tokens",
            "system": False,
            "form": "",
            "strict": False,
            "words": True,
        }
        provider.close()


def test_openai_itself_may_want_the_older_name(side, monkeypatch):
    monkeypatch.setattr("gateway.providers.openai.OWN_HOST", "127.0.0.1")
    with serving(side, no_max_completion_tokens) as server:
        provider = Waiting(side.provider(KEY, server.url))
        provider.complete(REQUEST)
        assert [asked(request)["limit"] for request in server.requests] == ["max_completion_tokens", "max_tokens"]
        provider.close()


def test_a_schema_that_cannot_be_strict_says_nothing_of_the_others(side):
    with serving(side, no_strict) as server:
        provider = Waiting(side.provider(KEY, server.url))
        provider.complete(REQUEST)
        server.inject(ANSWER)
        provider.complete(replace(REQUEST, schema={**REQUEST.schema, "title": "Another"}))
        provider.complete(REQUEST)
        assert [asked(request)["strict"] for request in server.requests] == [True, False, True, False]
        provider.close()


def test_a_refusal_of_everything_is_a_rejection(server, provider):
    said = "Unknown: max_tokens, max_completion_tokens, messages[0].role, strict, response_format"
    server.inject(error(400, said), times=20)
    failure = failure_of(provider)
    assert isinstance(failure, Rejected)
    assert failure.detail == f"The OpenAI-compatible endpoint answered 400: {said}"
    assert failure.__context__ is None
    assert len(server.requests) == 6  # as usual, and each thing otherwise: once


@pytest.mark.parametrize(
    "said",
    [
        "The model `nobody` does not exist.",
        "max_tokens is too large: 5000. This model supports at most 4096 completion tokens.",
        "This model's maximum context length is 8192 tokens. Please reduce the messages or max_tokens.",
        "Your prompt was flagged.",
    ],
)
def test_a_request_that_is_wrong_however_it_is_asked_is_asked_once(server, provider, said):
    server.inject(error(400, said))
    assert isinstance(failure_of(provider), Rejected)
    assert len(server.requests) == 1


def test_what_did_not_help_is_not_remembered(server, provider):
    server.inject(error(400, "max_tokens: what is this?"))
    server.inject(error(500))
    assert isinstance(failure_of(provider), Throttled)
    provider.complete(REQUEST)
    limits = [asked(request)["limit"] for request in server.requests]
    assert limits == ["max_tokens", "max_completion_tokens", "max_tokens"]


def test_a_refusal_that_quotes_the_prompt_is_understood_and_not_kept(server, provider):
    server.inject(error(400, f"response_format is not supported here: {REQUEST.user}"), times=3)
    failure = failure_of(provider)
    assert len(server.requests) == 3
    assert "not kept" in failure.detail
    assert REQUEST.user not in repr(vars(failure))


def test_a_request_without_a_schema_has_nothing_to_leave_out(server, provider):
    server.inject(error(400, "response_format and strict are not supported"))
    with pytest.raises(Rejected):
        provider.complete(replace(REQUEST, schema=None))
    assert len(server.requests) == 1
