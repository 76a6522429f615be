"""A connection to an address that somebody else has named. Its host was looked up once and judged (`addresses`); one of just
these addresses is connected to, with the name kept for `Host` and TLS. No proxy of the environment is used, no redirect followed
by itself, nothing unpacked, and nothing kept between two of them.
"""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings

from .addresses import Refused

# The first that fits.
_SENTENCES = (
    (aiohttp.ClientSSLError, "Its certificate is not valid, or it does not speak TLS."),
    (aiohttp.ClientConnectorError, "It cannot be connected to."),
    (aiohttp.ClientConnectionError, "It closed the connection without an answer."),
    (aiohttp.ClientError, "It answered something that is not HTTP."),
    (Exception, "Its name leads nowhere."),
)


class _Pinned(AbstractResolver):
    """Knows the addresses that were judged, and asks nobody."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def session(addresses: list[str]) -> aiohttp.ClientSession:
    """For one request. The caller keeps the time, and says `allow_redirects=False`."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False, force_close=True, limit=1),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=["Accept-Encoding"],
        headers={"user-agent": f"workflow-memory/{settings.VERSION}"},
    )


def sentence_of(error: Exception) -> str:
    """What came of it instead of an answer. Its own words could quote anything."""
    if isinstance(error, Refused):
        return str(error)
    return next(sentence for kind, sentence in _SENTENCES if isinstance(error, kind))
