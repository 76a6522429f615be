"""The Anthropic provider against a real server on the loopback interface that speaks the Messages protocol."""

import json
from dataclasses import replace

import pytest

from gateway.types import NotTheProtocol, ProviderError, Stop, Usage
from tests.gateway.sides import KEY, REQUEST, SIDES, Side
from tests.messages_server import Reply, message
from tests.waiting import Waiting


@pytest.fixture
def side() -> Side:
    return SIDES["anthropic"]


def failure_of(provider: Waiting) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.complete(REQUEST)
    return raised.value


def test_it_sends_the_request_in_the_protocol(server, provider):
    provider.complete(REQUEST)
    assert server.requests == [
        {
            "model": "claude-haiku-5-5",
            "max_tokens": 500,
            "system": [
                {"type": "text", "text": "What holds for every step."},
                {"type": "text", "text": "Which order is meant?", "cache_control": {"type": "ephemeral"}},
            ],
            "messages": [{"role": "user", "content": "My parcel with the blue vase did not arrive."}],
            "output_config": {
                "format": {
                    "type": "json_schema",
                    "schema": {
                        "type": "object",
                        "properties": {"id": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                        "required": ["id"],
                        "additionalProperties": False,
                    },
                }
            },
        }
    ]
    assert server.exchanges[0].headers["authorization"] == f"Bearer {KEY}"


def test_it_reads_the_answer(server, provider):
    completion = provider.complete(REQUEST)
    assert (completion.text, completion.model_served) == ('{"id": null}', "claude-haiku-5-5")
    assert (completion.stop, completion.provider_request_id) == (Stop.END, "msg_local")
    assert (provider.protocol, provider.simulated) == ("anthropic", False)


def test_a_model_near_its_end_is_still_asked(server, provider):
    assert provider.complete(replace(REQUEST, model="claude-sonnet-4-5")).model_served == "claude-sonnet-4-5"


def test_the_text_is_all_text_blocks_together(server, provider):
    body = message("", usage={"input_tokens": 1, "output_tokens": 1})
    thinking = {"type": "thinking", "thinking": "Let me see.", "signature": "x"}
    body["content"] = [thinking, {"type": "text", "text": '{"id":'}, {"type": "text", "text": ' "B1"}'}]
    server.inject(body)
    assert provider.complete(REQUEST).text == '{"id": "B1"}'


def test_a_character_that_cannot_be_stored_arrives_as_its_escape(server, provider):
    server.inject(message('{"id": "a\x00b\ud800"}', usage={"input_tokens": 1, "output_tokens": 1}))
    assert provider.complete(REQUEST).text == '{"id": "a\\u0000b\\ud800"}'


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 5}, Usage(input=10, output=5)),
        (
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 4_000,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
                "output_tokens": 50,
                "output_tokens_details": {"thinking_tokens": 30},
            },
            Usage(input=10, cache_read=4_000, cache_write_5m=100, cache_write_1h=200, output=50, thinking=30),
        ),
        (
            {"input_tokens": 1, "cache_creation_input_tokens": 300, "cache_creation": None, "output_tokens": 0},
            Usage(input=1, cache_write_5m=300),
        ),
    ],
)
def test_tokens_are_counted_in_disjoint_kinds(server, provider, stated, expected):
    server.inject(message("x", usage=stated))
    assert provider.complete(REQUEST).usage == expected


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"input_tokens": 1},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 10**12},
        {"input_tokens": 1.5, "output_tokens": 1},
        {"input_tokens": "1", "output_tokens": 1},
        {"input_tokens": True, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": -5},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": -5}},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation": [1]},
        {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}},
    ],
)
def test_an_unbelievable_usage_is_not_the_protocol(server, provider, stated):
    server.inject(message("x", usage=stated))
    assert isinstance(failure_of(provider), NotTheProtocol)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END),
        ("max_tokens", Stop.MAX_TOKENS),
        ("model_context_window_exceeded", Stop.MAX_TOKENS),
        ("refusal", Stop.REFUSAL),
        ("pause_turn", Stop.OTHER),
        ("something_new", Stop.OTHER),
    ],
)
def test_every_reason_to_stop_is_a_typed_outcome(server, provider, reason, stop):
    server.inject(message("x", stop_reason=reason, usage={"input_tokens": 1, "output_tokens": 1}))
    completion = provider.complete(REQUEST)
    assert completion.stop == stop


@pytest.mark.parametrize("missing", ["content", "model", "stop_reason", "usage"])
def test_a_message_without_one_of_its_parts_is_not_the_protocol(server, provider, missing):
    body = message("x", model="m", usage={"input_tokens": 1, "output_tokens": 1})
    del body[missing]
    server.inject(Reply(json.dumps(body).encode()))
    assert isinstance(failure_of(provider), NotTheProtocol)


@pytest.mark.parametrize("content", ["text", [1], [{"type": "text"}], [{"type": "text", "text": None}], {}])
def test_content_that_is_no_list_of_blocks_is_not_the_protocol(server, provider, content):
    body = message("x", model="m", usage={"input_tokens": 1, "output_tokens": 1})
    server.inject(Reply(json.dumps({**body, "content": content}).encode()))
    assert isinstance(failure_of(provider), NotTheProtocol)
