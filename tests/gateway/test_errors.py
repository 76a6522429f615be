"""Every way in which a call over HTTP can fail has one name, whoever's protocol it is: from that follow what is tried again,
what waits, what fails, and what may have been paid."""

import gzip
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from gateway.types import (
    AccessDenied,
    NotSent,
    NotTheProtocol,
    Outcome,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Throttled,
)
from tests.gateway.sides import ANSWER, KEY, REQUEST
from tests.model_server import Reply, drip, half, hang_up, html, reset, slow
from tests.secrets import SECRETS
from tests.waiting import Waiting

AGAIN, NOT_AGAIN = {"x-should-retry": "true"}, {"x-should-retry": "false"}

# What a server does → the error. A number stands for an error of that status in the protocol's own form.
FAILURES = {
    "a request that is wrong": (400, Rejected),
    "a model that nobody knows": (404, Rejected),
    "a method that is not allowed": (405, Rejected),
    "a request that is too large": (413, Rejected),
    "a request that cannot be processed": (422, Rejected),
    "a wrong key": (401, AccessDenied),
    "no credit": (402, AccessDenied),
    "no permission": (403, AccessDenied),
    "429 that is not worth trying again": (Reply(b"{}", 429, headers=NOT_AGAIN), AccessDenied),
    "a redirect": (Reply(b"", 307, headers={"location": "http://127.0.0.1:9/"}), AccessDenied),
    "a redirect for ever": (Reply(b"", 301, headers={"location": "http://127.0.0.1:9/"}), AccessDenied),
    "408": (408, Throttled),
    "409": (409, Throttled),
    "429": (429, Throttled),
    "500": (500, Throttled),
    "503": (503, Throttled),
    "529": (529, Throttled),
    "a gateway's page": (html(502), Throttled),
    "400 that is worth trying again": (Reply(b"{}", 400, headers=AGAIN), Throttled),
    "500 that is not worth trying again": (Reply(b"{}", 500, headers=NOT_AGAIN), Throttled),
    "an error without a body": (Reply(b"", 500), Throttled),
    "an error that is a list": (Reply(b'[{"error": {"code": 503, "message": "overloaded"}}]', 503), Throttled),
    "an error that is nested without end": (Reply(b"[" * 100_000, 500), Throttled),
    "an error that drips": (Reply(b"x" * 400, 500, pause=0.02), Throttled),
    "half of an error": (Reply(b"x" * 400, 529, cut=True), Throttled),
    "half of a refusal": (Reply(b"x" * 400, 400, cut=True), Rejected),
    "an error without an end": (Reply(b" " * (33 * 1024 * 1024), 500), Throttled),
    "an error whose compression is none": (Reply(b"x", 500, headers={"content-encoding": "gzip"}), Throttled),
    "the connection is closed": (hang_up(), OutcomeUnknown),
    "the connection is reset": (reset(), OutcomeUnknown),
    "half of a body": (half("x" * 400), OutcomeUnknown),
    "an answer that comes too late": (slow(1.5, "too late"), OutcomeUnknown),
    "an answer that drips": (drip(0.02, "x" * 400), OutcomeUnknown),
    "a page": (html(), NotTheProtocol),
    "nothing": (Reply(b""), NotTheProtocol),
    "no content": (Reply(b"", 204), NotTheProtocol),
    "half of a JSON": (Reply(b'{"id": "msg_1", "type": "message"'), NotTheProtocol),
    "a JSON that is no answer": (Reply(b"{}"), NotTheProtocol),
    "a list": (Reply(b"[1, 2]"), NotTheProtocol),
    "a null": (Reply(b"null"), NotTheProtocol),
    "an error with the status of an answer": (
        Reply(b'{"error": {"message": "upstream", "code": 502}}'),
        NotTheProtocol,
    ),
    "a nesting without end": (Reply(b"[" * 100_000), NotTheProtocol),
    "bytes that are no text": (Reply(b"\xff\xfe{}"), NotTheProtocol),
    "a stream of events": (Reply(b"event: error\ndata: {}\n\n", content_type="text/event-stream"), NotTheProtocol),
    "a compression that is none": (Reply(b"not gzip", headers={"content-encoding": "gzip"}), NotTheProtocol),
    "a compression that is cut": (
        Reply(gzip.compress(b"{}" * 900)[:20], headers={"content-encoding": "gzip"}),
        NotTheProtocol,
    ),
    "a million values": (Reply(b'{"id": [' + b"0," * 1_000_000 + b"0]}"), NotTheProtocol),
    "more than 32 MB": (Reply(b" " * (33 * 1024 * 1024)), NotTheProtocol),
    "more than 32 MB, compressed": (
        Reply(gzip.compress(b" " * (40 * 1024 * 1024)), headers={"content-encoding": "gzip"}),
        NotTheProtocol,
    ),
}


def failure_of(provider: Waiting) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.complete(REQUEST)
    return raised.value


@pytest.mark.parametrize("failure", FAILURES)
def test_every_way_to_fail_has_its_name(side, server, provider, failure):
    reply, expected = FAILURES[failure]
    server.inject(side.error(reply) if isinstance(reply, int) else reply)
    raised = failure_of(provider)
    assert isinstance(raised, expected)
    assert len(server.exchanges) == 1  # the SDK tried nothing again
    assert provider.complete(REQUEST).text == ANSWER  # and the client still works


@pytest.mark.parametrize(("characters", "on_the_loop"), [(100, True), (3_000_000, False)])
def test_a_long_answer_is_not_read_on_the_event_loop(side, server, provider, characters, on_the_loop):
    read, readers = provider._provider._read, []
    provider._provider._read = lambda body: readers.append(threading.current_thread().name) or read(body)
    server.inject("x" * characters)
    assert len(provider.complete(REQUEST).text) == characters
    assert [name == "event loop" for name in readers] == [on_the_loop]


def test_in_doubt_is_only_what_was_sent_and_not_answered():
    of = {name: error.outcome for name, (_, error) in FAILURES.items()}
    assert {name for name, outcome in of.items() if outcome == Outcome.IN_DOUBT} == {
        "the connection is closed",
        "the connection is reset",
        "half of a body",
        "an answer that comes too late",
        "an answer that drips",
    }


@pytest.mark.parametrize(("header", "soon"), [(NOT_AGAIN, False), (AGAIN, True), ({}, True)])
def test_it_is_believed_who_says_that_trying_again_soon_does_not_help(server, provider, header, soon):
    server.inject(Reply(b"{}", 500, headers=header))
    assert failure_of(provider).soon is soon


@pytest.mark.parametrize(
    ("side", "reply"),
    [
        ("anthropic", {"status": 400, "text": "You have reached your specified API usage limits."}),
        ("anthropic", {"status": 429, "text": "Over your limit.", "code": "enforced_spend_limit_reached"}),
        ("openai", {"status": 429, "text": "You exceeded your current quota.", "code": "insufficient_quota"}),
        ("openai", {"status": 429, "text": "Your account is not active.", "code": "billing_not_active"}),
    ],
    indirect=["side"],
)
def test_no_time_brings_back_what_is_spent(side, server, provider, reply):
    server.inject(side.error(**reply))
    assert type(failure_of(provider)) is AccessDenied


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("0.5", 0.5), ("-5", 0.0), ("999999999", 86_400.0), ("soon", None), ("nan", None), (None, None)],
)
def test_retry_after_in_seconds_is_bounded(side, server, provider, header, seconds):
    server.inject(side.error(429, retry_after=header))
    assert failure_of(provider).retry_after == seconds


def test_retry_after_may_be_a_date(side, server, provider):
    in_a_while = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server.inject(side.error(529, retry_after=in_a_while))
    server.inject(side.error(529, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"))
    assert 80 < failure_of(provider).retry_after <= 90
    assert failure_of(provider).retry_after == 0.0


def test_a_refused_connection_was_never_sent(side):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    provider = Waiting(side.provider(KEY, f"http://127.0.0.1:{port}"))
    assert type(failure_of(provider)) is NotSent
    provider.close()


def test_a_connection_that_is_never_accepted_was_never_sent(side):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        provider = Waiting(side.provider(KEY, f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout=0.3))
        assert type(failure_of(provider)) is NotSent
        provider.close()
        for each in waiting:
            each.close()


def test_a_handshake_that_fails_was_never_sent(side, server):
    provider = Waiting(side.provider(KEY, server.url.replace("http://", "https://")))
    assert type(failure_of(provider)) is NotSent
    provider.close()


@pytest.mark.parametrize("address", ["http://[nonsense", "nowhere", "ftp://127.0.0.1"])
def test_an_address_that_is_none_was_never_asked(side, monkeypatch, address):
    monkeypatch.setenv(side.address_variable, address)
    provider = Waiting(side.provider(KEY))
    failure = failure_of(provider)
    assert type(failure) is NotSent
    assert failure.__context__ is None or failure.__suppress_context__
    provider.close()


def test_an_answer_that_drips_does_not_hold_a_worker(side, server):
    provider = Waiting(side.provider(KEY, server.url, connect_timeout=0.2, read_timeout=0.3))
    server.inject(drip(0.02, "x" * 400))
    started = time.monotonic()
    assert isinstance(failure_of(provider), OutcomeUnknown)
    assert time.monotonic() - started < 2
    provider.close()


@pytest.mark.parametrize(
    "text",
    [
        f"invalid key {KEY}",
        "messages.0: 'My parcel with the blue vase did not arrive.'",
        "near: the blue vase did not",
        "system.1: Which order is meant?",
    ],
)
def test_an_error_never_repeats_the_prompt_or_the_key(side, server, provider, text):
    server.inject(side.error(400, text))
    failure = failure_of(provider)
    assert failure.detail == f"{side.vendor} answered 400, with a message that quotes the request and is not kept."
    assert failure.__cause__ is None
    assert failure.__context__ is None
    assert "blue vase" not in repr(vars(failure))


def test_a_secret_that_a_message_cuts_in_two_is_told_to_nobody(side, server, provider):
    secret = SECRETS[0][1]
    server.inject(side.error(400, f"{'x' * (300 - len(side.vendor) - 16 - 20)} {secret}"))
    assert secret[:9] not in failure_of(provider).detail


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "model: nonsense"}}', ": model: nonsense"),
        (b'{"message": "not found"}', ": not found"),
        (b'{"error": "not found"}', ": not found"),
        (b'{"detail": "not found"}', ": not found"),
        (b'[{"error": {"code": 404, "message": "not found"}}]', ": not found"),
        (b'{"detail": [{"loc": ["body", "model"], "msg": "unknown", "input": "x"}]}', ": body.model: unknown"),
        (b'{"object": "error", "message": {"detail": [{"loc": ["body"], "msg": "no"}]}}', ": body: no"),
        (b'{"error": {"message": 5}}', "."),
        (b'{"error": {"message": ["a", "b"]}}', "."),
        (b"<html>Not here</html>", "."),
        (b'"a text"', "."),
        (b"", "."),
    ],
)
def test_an_error_says_what_the_provider_says(side, server, provider, body, said):
    server.inject(Reply(body, 404))
    assert failure_of(provider).detail == f"{side.vendor} answered 404{said}"


def test_an_error_says_no_more_than_300_characters(side, server, provider):
    server.inject(side.error(400, "much too long " * 1_000))
    assert len(failure_of(provider).detail) == 300
