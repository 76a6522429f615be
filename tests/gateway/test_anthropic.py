"""The Anthropic provider against a real server on the loopback interface that speaks the Messages protocol."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from gateway.event_loop import wait_for
from gateway.providers.anthropic import AnthropicProvider
from gateway.types import (
    AccessDenied,
    Block,
    NotSent,
    NotTheProtocol,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Stop,
    Throttled,
    Usage,
)
from tests.messages_server import MessagesServer, Reply, drip, error, half, hang_up, html, message, slow
from tests.waiting import Waiting

KEY = "sk-ant-a-key-for-tests-only"
SCHEMA = {"type": "object", "properties": {"id": {"type": ["string", "null"]}}, "required": ["id"]}
REQUEST = Request(
    model="claude-haiku-5-5",
    system=(Block("What holds for every step."), Block("Which order is meant?", cached=True), Block("", cached=True)),
    user="My parcel with the blue vase did not arrive.",
    schema=SCHEMA,
    max_output_tokens=500,
)


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer(lambda request: '{"id": null}') as running:
        yield running


@pytest.fixture
def provider(server) -> Iterator[Waiting]:
    made = Waiting(AnthropicProvider(KEY, server.url, read_timeout=0.5))
    yield made
    made.close()


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


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400), Rejected),
        (error(404), Rejected),
        (error(413), Rejected),
        (error(422), Rejected),
        (error(400, "You have reached your specified API usage limits."), AccessDenied),
        (error(429, "Over your limit.", code="enforced_spend_limit_reached"), AccessDenied),
        (error(401), AccessDenied),
        (error(402), AccessDenied),
        (error(403), AccessDenied),
        (error(408), Throttled),
        (error(409), Throttled),
        (error(429), Throttled),
        (error(500), Throttled),
        (error(529), Throttled),
        (html(502), Throttled),
        (hang_up(), OutcomeUnknown),
        (half("x" * 400), OutcomeUnknown),
        (slow(1.0, "too late"), OutcomeUnknown),
        (html(), NotTheProtocol),
        (Reply(b'{"id": "msg_1", "type": "message"'), NotTheProtocol),
        (Reply(b"[1, 2]"), NotTheProtocol),
        (Reply(b"{}"), NotTheProtocol),
        (Reply(b""), NotTheProtocol),
        (Reply(b"[" * 100_000), NotTheProtocol),
        (Reply(b'{"type": "error", "error": {"type": "overloaded_error"}}'), NotTheProtocol),
        (Reply(b"event: error\ndata: {}\n\n", content_type="text/event-stream"), NotTheProtocol),
        (Reply(b"not gzip", headers={"content-encoding": "gzip"}), NotTheProtocol),
    ],
)
def test_every_way_to_fail_has_its_name(server, provider, reply, expected):
    server.inject(reply)
    assert type(failure_of(provider)) is expected
    assert len(server.exchanges) == 1  # the SDK tried nothing again
    assert provider.complete(REQUEST).text == '{"id": null}'  # and the client still works


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("0.5", 0.5), ("-5", 0.0), ("999999999", 86_400.0), ("soon", None), ("nan", None), (None, None)],
)
def test_retry_after_in_seconds_is_bounded(server, provider, header, seconds):
    server.inject(error(429, retry_after=header))
    assert failure_of(provider).retry_after == seconds


def test_retry_after_may_be_a_date(server, provider):
    server.inject(error(529, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)))
    server.inject(error(529, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert 80 < failure_of(provider).retry_after <= 90
    assert failure_of(provider).retry_after == 0.0


def test_a_refused_connection_was_never_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    provider = Waiting(AnthropicProvider(KEY, f"http://127.0.0.1:{port}"))
    assert isinstance(failure_of(provider), NotSent)
    provider.close()


def test_an_answer_that_drips_does_not_hold_a_worker(server):
    provider = Waiting(AnthropicProvider(KEY, server.url, connect_timeout=0.2, read_timeout=0.3))
    server.inject(drip(0.02, "x" * 400))
    started = time.monotonic()
    assert isinstance(failure_of(provider), OutcomeUnknown)
    assert time.monotonic() - started < 2
    provider.close()


def test_a_missing_key_is_named(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of somebody else")
    failure = failure_of(Waiting(AnthropicProvider()))
    assert isinstance(failure, AccessDenied)
    assert "ANTHROPIC_API_KEY" in failure.detail


@pytest.mark.parametrize("key", ["", "  ", "sk-ant-ä", "sk-ant\nsecond line"])
def test_what_cannot_be_a_key_is_not_sent(server, key):
    assert isinstance(failure_of(Waiting(AnthropicProvider(key, server.url))), AccessDenied)
    assert server.exchanges == []


def test_the_key_of_the_environment_is_read_at_the_call(server, monkeypatch):
    provider = Waiting(AnthropicProvider(base_url=server.url))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-set-later\n")
    provider.complete(REQUEST)
    provider.close()
    assert server.exchanges[0].headers["authorization"] == "Bearer sk-ant-set-later"


@pytest.mark.parametrize(
    "text",
    [
        f"invalid key {KEY}",
        "messages.0: 'My parcel with the blue vase did not arrive.'",
        "near: the blue vase did not",
        "system.1: Which order is meant?",
    ],
)
def test_an_error_never_repeats_the_prompt_or_the_key(server, provider, text):
    server.inject(error(400, text))
    failure = failure_of(provider)
    assert failure.detail == "Anthropic answered 400, with a message that quotes the request and is not kept."
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_an_error_says_what_the_provider_says_and_no_more_than_300_characters(server, provider):
    server.inject(error(404, "model: claude-nonsense"))
    server.inject(error(400, "much too long " * 1_000))
    assert failure_of(provider).detail == "Anthropic answered 404: model: claude-nonsense"
    assert len(failure_of(provider).detail) == 300


def test_threads_share_one_client(server, provider):
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        return provider.complete(REQUEST).text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == ['{"id": null}'] * 8
    assert len(server.exchanges) == 8


def test_the_server_knows_what_was_paid(server, provider):
    server.inject(error(529))
    failure_of(provider)
    server.inject(message("x", usage={"input_tokens": 7, "output_tokens": 3}))
    provider.complete(REQUEST)
    assert server.answered == [("claude-haiku-5-5", {"input_tokens": 7, "output_tokens": 3})]
    assert [exchange.status for exchange in server.exchanges] == [529, 200]


def test_more_than_a_hundred_calls_wait_at_once():
    """The transport's own limit would hold the rest back without a word: here nobody is answered before all have come."""
    all_of_them = threading.Barrier(120, timeout=20)

    def an_answer(request: dict) -> str:
        all_of_them.wait()
        return "{}"

    with MessagesServer(an_answer) as server:
        provider = AnthropicProvider(KEY, server.url)

        async def together() -> list[str]:
            answers = await asyncio.gather(*(provider.complete(REQUEST) for _ in range(120)))
            await provider.close()
            return [answer.text for answer in answers]

        assert wait_for(together()) == ["{}"] * 120
