"""Chat Completions against a real server on the loopback interface: what is asked, and how each dialect of answers is read."""

import json
from dataclasses import replace

import pytest

from gateway.providers.openai import Manner, OpenAIProvider, to_chat_request
from gateway.types import NotTheProtocol, ProviderError, Stop, Usage
from tests.chat_server import Reply, completion
from tests.gateway.sides import KEY, REQUEST, SIDES, Side
from tests.waiting import Waiting

ONE_OPTIONAL = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "note": {"type": "string"}},
    "required": ["id"],
}


@pytest.fixture
def side() -> Side:
    return SIDES["openai"]


def failure_of(provider: Waiting) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.complete(REQUEST)
    return raised.value


def used(**stated: object) -> dict:
    return {"prompt_tokens": 10, "completion_tokens": 5, **stated}


def test_it_sends_the_request_in_the_protocol(server, provider):
    provider.complete(REQUEST)
    assert server.requests == [
        {
            "model": "claude-haiku-5-5",
            "messages": [
                {"role": "system", "content": "What holds for every step.\n\nWhich order is meant?"},
                {"role": "user", "content": "My parcel with the blue vase did not arrive."},
            ],
            "max_tokens": 500,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "answer",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {"id": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                        "required": ["id"],
                        "additionalProperties": False,
                    },
                },
            },
        }
    ]
    assert server.exchanges[0].headers["authorization"] == f"Bearer {KEY}"


def test_it_reads_the_answer(server, provider):
    answer = provider.complete(REQUEST)
    assert (answer.text, answer.model_served) == ('{"id": null}', "claude-haiku-5-5")
    assert (answer.stop, answer.provider_request_id) == (Stop.END, "chatcmpl-local")
    assert (provider.protocol, provider.simulated) == ("openai", False)


def test_a_schema_with_a_key_that_may_be_missing_is_no_strict_one(server, provider):
    provider.complete(replace(REQUEST, schema=ONE_OPTIONAL))
    described = server.requests[0]["response_format"]["json_schema"]
    assert (described["strict"], described["schema"]["required"]) == (False, ["id"])


def test_a_schema_inside_of_another_counts_too():
    inside = {"type": "object", "properties": {"a": {"anyOf": [ONE_OPTIONAL, {"type": "null"}]}}, "required": ["a"]}
    asked = to_chat_request(replace(REQUEST, schema=inside))
    assert asked["response_format"]["json_schema"]["strict"] is False


def test_what_is_not_there_is_not_asked():
    asked = to_chat_request(replace(REQUEST, system=(), schema=None))
    assert asked == {
        "model": "claude-haiku-5-5",
        "messages": [{"role": "user", "content": "My parcel with the blue vase did not arrive."}],
        "max_completion_tokens": 500,
    }


@pytest.mark.parametrize(
    ("address", "limit"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("http://127.0.0.1:11434/v1", "max_tokens"),
        ("https://openai.com.example.net/v1", "max_tokens"),
    ],
)
def test_the_length_has_its_older_name_everywhere_but_at_openai(address, limit):
    """Some do not know the newer one, and ignore it: then nothing would end an answer."""
    provider = OpenAIProvider(KEY, address)
    assert provider._manner(provider._client(), REQUEST) == Manner(limit=limit)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"id": "B1"}', '{"id": "B1"}'),
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": '{"id":'}, {"type": "text", "text": ' "B1"}'}], '{"id": "B1"}'),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "{}"}], "{}"),
        ([], ""),
        ("a\x00b\ud800", "a\\u0000b\\ud800"),
    ],
)
def test_the_text_is_a_text_or_its_parts(server, provider, content, text):
    server.inject(completion(content, usage=used()))
    assert provider.complete(REQUEST).text == text


@pytest.mark.parametrize("content", [5, {"text": "x"}, ["x"], [{"type": "text"}], [{"type": "text", "text": None}]])
def test_content_that_is_no_text_is_not_the_protocol(server, provider, content):
    server.inject(completion(content, usage=used()))
    assert isinstance(failure_of(provider), NotTheProtocol)


def test_a_refusal_is_the_answer_of_a_model_that_refuses(server, provider):
    server.inject(completion(None, usage=used(), refusal="I cannot help with that."))
    answer = provider.complete(REQUEST)
    assert (answer.stop, answer.text) == (Stop.REFUSAL, "I cannot help with that.")


@pytest.mark.parametrize("refusal", [None, "", 5])
def test_an_empty_refusal_is_none(server, provider, refusal):
    server.inject(completion("{}", usage=used(), refusal=refusal))
    assert provider.complete(REQUEST).stop == Stop.END


def test_a_tool_that_nobody_offered_is_no_answer(server, provider):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    server.inject(completion(None, finish_reason="tool_calls", usage=used(), tool_calls=[call]))
    answer = provider.complete(REQUEST)
    assert (answer.stop, answer.text) == (Stop.OTHER, "")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", Stop.END),
        ("STOP", Stop.END),
        ("eos", Stop.END),
        ("end_turn", Stop.END),
        ("length", Stop.MAX_TOKENS),
        ("model_length", Stop.MAX_TOKENS),
        ("content_filter", Stop.REFUSAL),
        ("error", Stop.OTHER),
        ("something_new", Stop.OTHER),
        (None, Stop.OTHER),
    ],
)
def test_every_reason_to_stop_is_a_typed_outcome(server, provider, reason, stop):
    server.inject(completion("x", finish_reason=reason, usage=used()))
    assert provider.complete(REQUEST).stop == stop


USAGES = {
    "nothing but two numbers": ({}, Usage(input=10, output=5)),
    "details that are null": (
        {"total_tokens": 15, "prompt_tokens_details": None, "completion_tokens_details": None},
        Usage(input=10, output=5),
    ),
    "OpenAI: the cache and the reasoning are parts": (
        {
            **{"prompt_tokens": 4_000, "completion_tokens": 300, "total_tokens": 4_300},
            "prompt_tokens_details": {"cached_tokens": 3_500, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 250, "accepted_prediction_tokens": 0},
        },
        Usage(input=500, cache_read=3_500, output=300, thinking=250),
    ),
    "OpenRouter: what was written to the cache too": (
        {
            **{"prompt_tokens": 4_000, "total_tokens": 4_005, "cost": 0.0018},
            "prompt_tokens_details": {"cached_tokens": 1_000, "cache_write_tokens": 2_500},
        },
        Usage(input=500, cache_read=1_000, cache_write_5m=2_500, output=5),
    ),
    "OpenRouter: tokens counted as written and as read": (
        {"prompt_tokens": 4_000, "prompt_tokens_details": {"cached_tokens": 3_000, "cache_write_tokens": 2_500}},
        Usage(input=0, cache_read=1_500, cache_write_5m=2_500, output=5),
    ),
    "Mistral": ({"prompt_tokens": 68, "num_cached_tokens": 64, "total_tokens": 73}, Usage(4, 64, output=5)),
    "Mistral, which says it twice": (
        {"num_cached_tokens": 4, "prompt_tokens_details": {"cached_tokens": 4}},
        Usage(input=6, cache_read=4, output=5),
    ),
    "DeepSeek": (
        {"prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2, "total_tokens": 15},
        Usage(input=2, cache_read=8, output=5),
    ),
    "Gemini: its thinking stands in the total alone": (
        {"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100},
        Usage(input=66, output=34, thinking=28),
    ),
    "xAI: it also says how much that is": (
        {"total_tokens": 45, "completion_tokens_details": {"reasoning_tokens": 30}},
        Usage(input=10, output=35, thinking=30),
    ),
    "a total that is less than its parts": ({"total_tokens": 3}, Usage(input=10, output=5)),
    "nothing at all": ({"prompt_tokens": 0, "completion_tokens": 0}, Usage()),
}


@pytest.mark.parametrize("dialect", USAGES)
def test_tokens_are_counted_in_disjoint_kinds(server, provider, dialect):
    stated, expected = USAGES[dialect]
    server.inject(completion("x", usage=used(**stated)))
    found = provider.complete(REQUEST).usage
    assert found == expected
    assert found.prompt == used(**stated)["prompt_tokens"]


@pytest.mark.parametrize(
    "stated",
    [
        {"prompt_tokens": None},
        {"completion_tokens": None},
        {"prompt_tokens": -1},
        {"completion_tokens": 10**12},
        {"prompt_tokens": 1.5},
        {"prompt_tokens": "10"},
        {"prompt_tokens": True},
        {"total_tokens": -1},
        {"total_tokens": "15"},
        {"prompt_tokens_details": {"cached_tokens": 11}},
        {"prompt_tokens_details": {"cached_tokens": -1}},
        {"prompt_tokens_details": {"cache_write_tokens": -1}},
        {"prompt_tokens_details": [1]},
        {"num_cached_tokens": 11},
        {"prompt_cache_hit_tokens": 11},
        {"completion_tokens_details": {"reasoning_tokens": 6}},
        {"completion_tokens_details": "x"},
    ],
)
def test_an_unbelievable_usage_is_not_the_protocol(server, provider, stated):
    server.inject(completion("x", usage=used(**stated)))
    assert isinstance(failure_of(provider), NotTheProtocol)


@pytest.mark.parametrize("missing", ["choices", "model", "usage"])
def test_an_answer_without_one_of_its_parts_is_not_the_protocol(server, provider, missing):
    body = completion("x", model="m", usage=used())
    del body[missing]
    server.inject(Reply(json.dumps(body).encode()))
    assert isinstance(failure_of(provider), NotTheProtocol)


@pytest.mark.parametrize("choices", [[], None, {}, [None], [{}], [{"message": "x"}], [{"delta": {"content": "x"}}]])
def test_choices_without_a_message_are_not_the_protocol(server, provider, choices):
    body = {**completion("x", model="m", usage=used()), "choices": choices}
    server.inject(Reply(json.dumps(body).encode()))
    assert isinstance(failure_of(provider), NotTheProtocol)


def test_an_answer_may_have_no_id(server, provider):
    server.inject({**completion("x", usage=used()), "id": None})
    assert provider.complete(REQUEST).provider_request_id == ""
