"""One client for each endpoint: which key it has, and that it tells nobody what the environment holds for somebody else."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.event_loop import wait_for
from gateway.providers.registry import Endpoint, Known
from gateway.types import AccessDenied, ProviderError
from projects.targets import PROVIDERS
from tests.gateway.sides import ANSWER, KEY, REQUEST, SIDES
from tests.waiting import Waiting

CANARY = "canary-of-the-environment"


def failure_of(provider: Waiting) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        provider.complete(REQUEST)
    return raised.value


def told(server) -> str:
    """Everything that the server was told beside the body."""
    return "\n".join(f"{name}: {value}" for name, value in server.exchanges[-1].headers.items())


@pytest.fixture
def full_environment(monkeypatch):
    """Everything that either SDK reads by itself holds something that nobody else may know."""
    for side in SIDES.values():
        for name in side.own:
            headers = f"Authorization: Bearer {CANARY}\nX-Tenant: {CANARY}"
            monkeypatch.setenv(name, headers if name.endswith("_HEADERS") else CANARY)


def test_a_missing_key_is_named(side, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "of somebody else")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "of somebody else")
    failure = failure_of(Waiting(side.provider()))
    assert isinstance(failure, AccessDenied)
    assert side.key_variable in failure.detail


@pytest.mark.parametrize("key", ["", "  ", "sk-ä", "sk\nsecond line"])
def test_what_cannot_be_a_key_is_not_sent(side, server, key):
    assert isinstance(failure_of(Waiting(side.provider(key, server.url))), AccessDenied)
    assert server.exchanges == []


def test_the_key_of_the_environment_is_read_at_the_call(side, server, monkeypatch):
    provider = Waiting(side.provider(base_url=server.url))
    monkeypatch.setenv(side.key_variable, "sk-set-later\n")
    provider.complete(REQUEST)
    provider.close()
    assert server.exchanges[0].headers["authorization"] == "Bearer sk-set-later"


def test_the_protocols_own_endpoint_is_that_of_its_own_variable(side, server, full_environment, monkeypatch):
    """Everything there is in the environment is meant for it: it is the operator's own."""
    monkeypatch.setenv(side.address_variable, server.url)
    provider = Waiting(Known(side.name, Endpoint(side.name)).client)
    provider.complete(REQUEST)
    provider.close()
    assert CANARY in told(server)


def test_an_endpoint_without_a_key_is_told_nothing_of_the_environment(side, server, full_environment):
    provider = Waiting(Known("local", Endpoint(side.name, server.url, "")).client)
    provider.complete(REQUEST)
    provider.close()
    assert CANARY not in told(server)
    assert server.exchanges[0].headers["authorization"] == "Bearer none"


def test_an_endpoint_with_a_key_of_its_own_is_told_that_one_alone(side, server, full_environment, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "of-gemini")
    provider = Waiting(Known("gemini", Endpoint(side.name, server.url, "GEMINI_API_KEY")).client)
    provider.complete(REQUEST)
    provider.close()
    assert CANARY not in told(server)
    assert server.exchanges[0].headers["authorization"] == "Bearer of-gemini"


def test_another_key_at_the_protocols_own_address_is_not_of_the_same_organisation(
    side, server, full_environment, monkeypatch
):
    monkeypatch.setenv("SECOND_API_KEY", "the-second")
    monkeypatch.setenv(side.address_variable, server.url)
    provider = Waiting(Known("second", Endpoint(side.name, "", "SECOND_API_KEY")).client)
    provider.complete(REQUEST)
    provider.close()
    assert CANARY not in told(server)


def test_an_endpoint_without_a_key_may_say_none(side, server):
    provider = Waiting(Known("local", Endpoint(side.name, server.url, "")).client)
    server.inject(side.error(400, "none of the choices"))
    assert failure_of(provider).detail == f"{side.vendor} answered 400: none of the choices"
    provider.close()


def test_everyones_clients_are_made_without_a_key():
    for name in PROVIDERS:
        assert Known(name, Endpoint(name)).client.protocol == name


def test_threads_share_one_client(side, server, provider):
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait()
        return provider.complete(REQUEST).text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [ANSWER] * 8
    assert len(server.exchanges) == 8


def test_the_server_knows_what_was_paid(side, server, provider):
    server.inject(side.error(529))
    failure_of(provider)
    server.inject(
        side.answer("x", usage={"input_tokens": 7, "output_tokens": 3, "prompt_tokens": 7, "completion_tokens": 3})
    )
    provider.complete(REQUEST)
    [(model, usage)] = server.answered
    assert (model, usage["input_tokens"]) == ("claude-haiku-5-5", 7)
    assert [exchange.status for exchange in server.exchanges] == [529, 200]


def test_more_than_a_hundred_calls_wait_at_once(side):
    """The transport's own limit would hold the rest back without a word: here nobody is answered before all have come."""
    all_of_them = threading.Barrier(120, timeout=20)

    def an_answer(request: dict) -> str:
        all_of_them.wait()
        return "{}"

    with side.server(an_answer) as server:
        provider = side.provider(KEY, server.url)

        async def together() -> list[str]:
            answers = await asyncio.gather(*(provider.complete(REQUEST) for _ in range(120)))
            await provider.close()
            return [answer.text for answer in answers]

        assert wait_for(together()) == ["{}"] * 120
