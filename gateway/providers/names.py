"""Where the name of a provider may lead: judged each time that one is connected to, because only then it is known."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from django.conf import settings

from projects.endpoints import names_one_of_ours
from wire.addresses import leads_nowhere, leads_out


class LedInside(OSError):
    """A name of the world leads into a private network, or any name to where no model answers. Its message is a sentence."""


class Judging(aiohttp.ThreadedResolver):
    """Whoever connects takes the addresses that were judged, and asks nobody again."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        for one in found:
            judge(host, one["host"])
        return found


def judge(host: str, found: str) -> None:
    """Raises `LedInside`. A name of one's own (`vllm`, `models.internal`, `localhost`) may lead into the own network, which is what
    it says; another one only where the operator lists that in `PROVIDER_NETWORKS`."""
    address = ipaddress.ip_address(found.partition("%")[0])
    if leads_nowhere(address):
        raise LedInside(f"{host} leads to an address at which no model answers.")
    if names_one_of_ours(host) or leads_out(address) or any(address in one for one in settings.PROVIDER_NETWORKS):
        return
    raise LedInside(f"{host} leads into a private network, which PROVIDER_NETWORKS does not list.")


def session(ssl: Any, keepalive: float | None) -> Callable[[], aiohttp.ClientSession]:
    """What makes the session on which a client asks. It is made on the loop. A limit of 0 is none: how many calls are in flight
    is the worker's decision."""

    def make() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(resolver=Judging(), ssl=ssl, keepalive_timeout=keepalive, limit=0)
        return aiohttp.ClientSession(connector=connector)

    return make
