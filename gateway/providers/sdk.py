"""What the providers on an official SDK have in common: one client per process, and every way in which a call over HTTP
can fail, named. Each vendor's own file says how to ask, and how to read what comes back."""

import asyncio
import logging
import math
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from wire import crash
from wire.problems import Problem, TooLarge
from wire.redaction import USUAL
from wire.strict_json import MAX_NODES, bounded

from ..types import (
    MAX_RETRY_AFTER,
    AccessDenied,
    Completion,
    NotSent,
    NotTheProtocol,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Throttled,
)

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 90.0
MAX_BODY = 4 * 1024 * 1024  # bytes: many times the longest answer
READ_AT_ONCE = 32 * 1024  # bytes that take the event loop less than handing them to a thread does
MAX_ERROR = 100_000  # bytes of an error that are read
MAX_TOKENS = 10_000_000  # of one kind in one call: more than any model reads
MAX_NAME = 200  # characters of an id
MAX_DETAIL = 300
MIN_QUOTE = 12  # characters of the request in a row that make a message a quotation of it
NO_KEY = "none"  # what an endpoint without a key is told: the SDKs always say something

DENIED = {401, 402, 403}
THROTTLED = {408, 409, 429}


class NotA2xx(Exception):
    """An answer that is none. `body`: its beginning; it may quote the request, and never travels with our errors."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status, self.headers, self.body = status, headers, body


class SdkProvider(ABC):
    """One SDK client per provider and process, made at the first call, on aiohttp: hundreds of calls wait at little cost.

    Without `api_key` the key is read from `key_variable` at that call, the vendor's own unless named; an empty name: this
    endpoint wants no key. Without `base_url` the SDK reads its own variable. `read_timeout` bounds the wait for the next
    byte, and the whole answer too: a drip is not a sign of life.
    """

    vendor: str  # in sentences; they are begun with a capital
    protocol: str
    own_key_variable: str
    simulated = False

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        key_variable: str | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._api_key = api_key
        self._key_variable = self.own_key_variable if key_variable is None else key_variable
        self._base_url = base_url
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._lock = threading.Lock()
        self._made: tuple[int, Any] | None = None

    @abstractmethod
    def _new_client(self, key: str, http_options: dict[str, Any]) -> Any:
        """The vendor's asynchronous client, without retries of its own. `http_options`: of its `DefaultAioHttpClient`."""

    @abstractmethod
    def _post(self, client: Any, asked: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
        """The call, as a response whose body is streamed. `asked`: the arguments of the vendor's own method."""

    @abstractmethod
    def _unanswered(self) -> type[Exception]:
        """What the SDK raises where it had no answer."""

    @abstractmethod
    def _read(self, body: bytes) -> Completion:
        """The body of a 2xx. Raises `NotTheProtocol`."""

    @abstractmethod
    def _is_spent(self, status: int, code: str, message: str) -> bool:
        """Whether an error says that money or quota is used up: no time makes that better."""

    @abstractmethod
    async def complete(self, request: Request) -> Completion:
        """Asks once. Raises a `ProviderError`."""

    async def close(self) -> None:
        if client := self._client_made():
            self._made = None
            await client.close()

    async def _ready(self) -> Any:
        """The client. Making it imports the SDK, which takes a second and must not stop the loop."""
        with before_it_leaves(self.vendor):
            return self._client_made() or await asyncio.to_thread(self._client)

    async def _ask(self, client: Any, request: Request, asked: dict[str, Any]) -> Completion:
        """One attempt. Raises a `ProviderError`."""
        body = await self._answer(client, request, asked)
        return self._read(body) if len(body) <= READ_AT_ONCE else await asyncio.to_thread(self._read, body)

    async def _answer(self, client: Any, request: Request, asked: dict[str, Any]) -> bytes:
        """The body of a 2xx."""
        import aiohttp
        import httpx2

        try:
            async with asyncio.timeout(self._connect_timeout + self._read_timeout):
                return await self._body(client, asked)
        except (NotA2xx, self._unanswered(), httpx2.RequestError, aiohttp.ClientError) as error:
            refusal = next((cause for cause in _causes(error) if isinstance(cause, NotA2xx)), None)
            private = _private(request, client.api_key)
            failure = self._of_status(refusal, private) if refusal else self._of_connection(error)
        except TimeoutError:
            failure = OutcomeUnknown(f"{self.vendor} had not finished its answer when the time for it was over.")
        # Raised outside the handler: the SDK's error carries the request and the key, and must not travel with ours.
        raise failure

    async def _body(self, client: Any, asked: dict[str, Any]) -> bytes:
        async with self._post(client, asked) as response:
            crash.at("after-send")
            body = bytearray()
            async for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise NotTheProtocol(f"{self.vendor} answered more than {MAX_BODY} bytes.")
        return bytes(body)

    def _client_made(self) -> Any:
        """The client of this process: a forked child must not share the connections of its parent."""
        return self._made[1] if self._made and self._made[0] == os.getpid() else None

    def _client(self) -> Any:
        with self._lock:
            if self._client_made() is None:
                client = self._new_client(self._key(), self._http_options())
                if self._base_url or self._key_variable != self.own_key_variable:
                    self._strip(client)
                self._made = (os.getpid(), client)
            return self._made[1]

    def _judged(self, client: Any) -> Any:
        """The vendor's HTTP client, connecting only to where the name of the endpoint may lead. Through a proxy of the
        environment it connects to that one."""
        from .names import session

        transport = client._transport  # its one way to be told of a session of ours: the vendors' class has no argument
        transport.client = session(transport.ssl_context, transport.limits.keepalive_expiry)
        return client

    def _strip(self, client: Any) -> None:
        """An SDK reads more of the environment than its key, for its own vendor: nobody else is told of it."""
        client._custom_headers = {}  # ANTHROPIC_CUSTOM_HEADERS, OPENAI_CUSTOM_HEADERS: there is no argument against them

    def _key(self) -> str:
        given = self._api_key
        if given is None:
            given = key_in(self._key_variable) if self._key_variable else NO_KEY
        key = given.strip()
        if not key:
            where = f"set {self._key_variable}, or choose a scripted model"
            raise AccessDenied(f"There is no key for {self.vendor}: {where}.")
        if not (key.isascii() and key.isprintable()):
            raise AccessDenied(f"The value of {self._key_variable} is not a key: it has characters that no key has.")
        return key

    def _http_options(self) -> dict[str, Any]:
        """How many calls are in flight is the worker's decision: 0 is no limit for aiohttp, where None is its default of 100."""
        from httpx2 import Limits, Timeout

        timeout = Timeout(self._read_timeout, connect=self._connect_timeout, pool=self._connect_timeout)
        return {
            "timeout": timeout,
            "limits": Limits(max_connections=0),
            "follow_redirects": False,
            "event_hooks": {"response": [self._refuse]},
        }

    async def _refuse(self, response: Any) -> None:
        """Before the SDK does, which would read all of an error, and call it no answer where that breaks off: its status is
        one, however much of its body comes."""
        import httpx2

        if response.is_success:
            return
        body = bytearray()
        with suppress(TimeoutError, httpx2.RequestError):
            async with asyncio.timeout(self._connect_timeout):
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ERROR:
                        break
        raise NotA2xx(response.status_code, response.headers, bytes(body[:MAX_ERROR]))

    def _of_status(self, refusal: "NotA2xx", private: list[str]) -> ProviderError:
        """An answer that is not a 2xx → what it means for us."""
        status, (code, said) = refusal.status, _told(refusal.body)
        detail = _detail(f"{self.vendor} answered {status}", said, private)
        retry_after = _seconds(refusal.headers.get("retry-after"), lambda: datetime.now(UTC))
        again = refusal.headers.get("x-should-retry")  # the vendor's own word on it
        spent = self._is_spent(status, code, said.lower()) or (status == 429 and again == "false")
        if status in DENIED or spent:
            return AccessDenied(detail, retry_after)
        if status < 400:  # prompt and key go where the configuration says, and nowhere that an answer says
            return AccessDenied(f"{self.vendor} answered {status}: it sends us elsewhere, and that is not followed.")
        if status in THROTTLED or status >= 500 or again == "true":
            return Throttled(detail, retry_after, soon=again != "false")
        return Rejected(detail)

    def _of_connection(self, error: Exception) -> ProviderError:
        """No answer: either nothing left this machine, or nobody knows whether it was paid."""
        import httpx2

        from .names import LedInside

        causes = list(_causes(error))
        if inside := next((cause for cause in causes if isinstance(cause, LedInside)), None):
            return AccessDenied(f"{self.vendor} was not asked: {inside}")
        if any(isinstance(cause, httpx2.DecodingError) for cause in causes):
            return NotTheProtocol(f"{self.vendor} answered a body that cannot be decompressed.")
        named = next((cause for cause in causes if isinstance(cause, httpx2.RequestError)), causes[-1])
        if _never_left(named, causes[-1]):
            return NotSent(f"{self.vendor} could not be reached ({type(named).__name__}).")
        lost = f"The call was sent to {self.vendor} and its answer was lost ({type(causes[-1]).__name__})."
        return OutcomeUnknown(lost)


def key_in(variable: str) -> str:
    """What the environment of this process holds for a provider; empty where nothing is set."""
    return os.environ.get(variable, "")


def message_in(vendor: str, body: bytes) -> object:
    """The JSON of a 2xx: the envelope of the protocol. Raises `NotTheProtocol`."""
    try:
        return bounded(body)
    except TooLarge:
        raise NotTheProtocol(f"{vendor} answered a 2xx with more than {MAX_NODES} values.") from None
    except Problem:
        raise NotTheProtocol(f"{vendor} answered a 2xx whose body is not JSON.") from None


def storable(text: str) -> str:
    r"""A NUL or a lone surrogate as its escape (`\u0000`): it can be stored, and in JSON it still says what it said."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def named(vendor: str, message: dict[str, Any], name: str) -> str:
    """A short text that the protocol requires."""
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise NotTheProtocol(f"{vendor} answered a 2xx without a `{name}`.")
    return storable(value[:MAX_NAME])


def word(said: object) -> str:
    """What a provider calls something, short enough to be quoted; empty where it is no text."""
    return storable(said[:40]) if isinstance(said, str) else ""


def tokens(vendor: str, usage: dict[str, Any], name: str, required: bool = False) -> int:
    """A number of tokens that can be believed."""
    value = usage.get(name)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TOKENS:
        raise NotTheProtocol(f"{vendor}'s usage has no believable `{name}`.")
    return value


@contextmanager
def before_it_leaves(vendor: str) -> Iterator[None]:
    """What breaks in here, a library, the configuration or we, breaks before anything was sent: nothing is in doubt."""
    try:
        yield
    except ProviderError:
        raise
    except Exception as error:
        logger.exception("%s could not be asked", vendor)
        raise NotSent(f"{vendor} could not be asked ({type(error).__name__}).") from None


def _told(content: bytes) -> tuple[str, str]:
    """The error's code and message. The vendors say `{"error": {…}}`; others leave it bare, make a list of it (Gemini), or
    tell of the fields of the request (`{"detail": [{"loc": […], "msg": …}]}`)."""
    body: object = None
    with suppress(Problem):
        body = bounded(content)
    body = body[0] if isinstance(body, list) and body else body
    told = body.get("error", body) if isinstance(body, dict) else {}
    told = told if isinstance(told, dict) else {"message": told}
    details = told.get("details")
    code = (details.get("error_code") if isinstance(details, dict) else None) or told.get("code") or told.get("type")
    return str(code or ""), _worded(told.get("message") or told.get("detail"))


def _worded(message: object) -> str:
    message = message.get("detail") if isinstance(message, dict) else message
    if isinstance(message, list) and message and isinstance(message[0], dict):
        where = ".".join(map(str, message[0].get("loc") or ["body"]))
        return f"{where}: {message[0].get('msg')}"
    return message if isinstance(message, str) else ""


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _never_left(named: BaseException, first: BaseException) -> bool:
    """The SDKs' aiohttp transport calls every broken connection a `ConnectError`, also one that broke after the request
    was sent; what aiohttp itself said first tells them apart."""
    import aiohttp
    import httpx2

    if isinstance(first, aiohttp.ClientConnectionError):
        return isinstance(first, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(
        named,
        httpx2.ConnectError
        | httpx2.ConnectTimeout
        | httpx2.PoolTimeout
        | httpx2.ProxyError
        | httpx2.UnsupportedProtocol
        | httpx2.LocalProtocolError
        | httpx2.InvalidURL,
    )


def _private(request: Request, key: str | None) -> list[str]:
    key = "" if key == NO_KEY else key
    return [text for text in (request.user, request.prefix, key) if text]


def _detail(what: str, message: str, private: list[str]) -> str:
    """One bounded sentence for the ledger. A message that quotes the request, or the key, is left out. Any other loses its
    secrets before it is cut: half of one is found by nobody."""
    message = " ".join(storable(USUAL.text(message)[:MAX_DETAIL]).split())
    if not message:
        return f"{what}."
    if any(_quotes(message, text) for text in private):
        return f"{what}, with a message that quotes the request and is not kept."
    return f"{what}: {message}"[:MAX_DETAIL]


def _quotes(message: str, private: str) -> bool:
    """Whether the message repeats the text, or a dozen of its characters in a row."""
    private = " ".join(private.split())
    if len(private) < MIN_QUOTE:
        return private in message
    return any(message[at : at + MIN_QUOTE] in private for at in range(len(message) - MIN_QUOTE + 1))


def _seconds(header: str | None, now: Callable[[], datetime]) -> float | None:
    """`retry-after`, in seconds or as a date, → seconds from now, bounded; None where it says nothing readable."""
    if header is None:
        return None
    seconds = None
    with suppress(ValueError):
        seconds = float(header)
    if seconds is None:
        with suppress(ValueError, TypeError, OverflowError):
            at = parsedate_to_datetime(header)
            seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now()).total_seconds()
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
