"""Sends one webhook over HTTP, and says what came of it. On the event loop, where one that waits costs no thread.

The name is looked up once, all its addresses are judged, and one of them is connected to (`wire.outgoing`). No redirect is
followed, and of an answer only its beginning is read.
"""

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from django.utils import timezone
from yarl import URL

from wire import outgoing
from wire.addresses import Refused

from .addresses import fault_of_url, look_up

TIMEOUT = 15.0  # seconds, from looking the name up to the answer's status
READ_WITHIN = 2.0  # seconds more for the beginning of its body, which decides nothing
MAX_ANSWER = 2048  # bytes
MAX_RETRY_AFTER = 24 * 3600.0


@dataclass(frozen=True)
class Outcome:
    """`code`: of the answer, None where there was none. `answer`: its beginning. `error`: a sentence; empty: it was taken."""

    code: int | None = None
    answer: bytes = b""
    error: str = ""
    retry_after: float | None = None

    @property
    def is_gone(self) -> bool:
        return self.code == 410


async def post(url: str, body: bytes, headers: dict[str, str]) -> Outcome:
    """Raises nothing of what a receiver may do, or not do: that is an outcome."""
    try:
        return await _post(url, body, headers)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(error=_said(error))


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"It did not answer within {TIMEOUT:.0f} seconds."
    return outgoing.sentence_of(error)


async def _post(url: str, body: bytes, headers: dict[str, str]) -> Outcome:
    if fault := fault_of_url(url):  # what the operator allows may have changed since it was saved
        raise Refused(fault)
    parts = URL(url, encoded=True)
    deadline = asyncio.get_running_loop().time() + TIMEOUT
    async with asyncio.timeout_at(deadline):
        addresses = await look_up(parts.host, parts.port, parts.scheme)
    sent = {"content-type": "application/json", **headers}
    async with outgoing.session(addresses) as session:
        async with asyncio.timeout_at(deadline):
            response = await session.post(parts, data=body, headers=sent, allow_redirects=False)
        try:
            return _outcome(response, await _beginning(response))
        finally:
            response.close()


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """What decides is the status: a body that never ends, or breaks off, changes nothing."""
    found = b""
    try:
        async with asyncio.timeout(READ_WITHIN):
            while len(found) < MAX_ANSWER and (chunk := await response.content.read(MAX_ANSWER - len(found))):
                found += chunk
    except (TimeoutError, aiohttp.ClientError):
        pass
    return found


def _outcome(response: aiohttp.ClientResponse, answer: bytes) -> Outcome:
    code = response.status
    if 200 <= code < 300:
        return Outcome(code, answer)
    error = f"It answered {code}."
    if 300 <= code < 400:
        error = f"It answered {code}, and redirects are not followed: name the address that it leads to."
    elif code == 410:
        error = "It answered 410: it does not want to be told any more."
    return Outcome(code, answer, error, _retry_after(response.headers.get("Retry-After", "")))


def _retry_after(said: str) -> float | None:
    """Seconds, bounded: a receiver may put us off, and not for ever."""
    if said.isascii() and said.isdigit() and len(said) < 10:
        return min(float(said), MAX_RETRY_AFTER)
    try:
        seconds = (parsedate_to_datetime(said) - timezone.now()).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER)
