"""Where the name of a provider leads when it is connected to: into our network only where the name, or the operator, says so."""

import ipaddress
import socket

import pytest

from gateway.types import AccessDenied
from tests.gateway.sides import ANSWER, KEY, REQUEST
from tests.waiting import Waiting

WORLD = "models.example.com"


@pytest.fixture
def leads_to(monkeypatch):
    """What the resolver says of every name, in the order in which it is asked."""
    found: list[str] = []

    def answer(host, port, *arguments, **named):
        address = found.pop(0) if len(found) > 1 else found[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)[: 4 if ":" in address else 2])]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return found


def asked(side, server, host: str) -> str:
    """What came of a call to the server by this name."""
    provider = Waiting(side.provider(KEY, server.url.replace("127.0.0.1", host)))
    try:
        return provider.complete(REQUEST).text
    except AccessDenied as denied:
        return denied.detail
    finally:
        provider.close()


@pytest.mark.parametrize("host", ["vllm", "localhost", "models.internal", "MODELS.Local"])
def test_a_name_of_ones_own_leads_into_ones_own_network(host, side, server, leads_to):
    leads_to.append("127.0.0.1")
    assert asked(side, server, host) == ANSWER


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fd00::1", "::1", "168.63.129.16"]
)
def test_a_name_of_the_world_does_not(address, side, server, leads_to):
    leads_to.append(address)
    assert "models.example.com leads into a private network, which PROVIDER_NETWORKS" in asked(side, server, WORLD)
    assert server.exchanges == []


def test_a_name_of_the_world_does_where_the_operator_says_so(side, server, leads_to, settings):
    settings.PROVIDER_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    leads_to.append("127.0.0.1")
    assert asked(side, server, WORLD) == ANSWER


@pytest.mark.parametrize("host", [WORLD, "vllm", "metadata.internal"])
@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:169.254.169.254", "224.0.0.1"])
def test_no_name_leads_to_where_no_model_answers(address, host, side, server, leads_to, settings):
    settings.PROVIDER_NETWORKS = [ipaddress.ip_network("10.0.0.0/8")]
    leads_to.append(address)
    assert "leads to an address at which no model answers" in asked(side, server, host)
