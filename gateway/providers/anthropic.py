"""The Anthropic Messages API through the official SDK: its own retries off, every way to fail named."""

import asyncio
import json
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wire import crash

from ..dialect import to_provider_schema
from ..types import (
    AccessDenied,
    Completion,
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

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncAnthropic

KEY_VARIABLE = "ANTHROPIC_API_KEY"
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 90.0
MAX_BODY = 32 * 1024 * 1024  # bytes
MAX_TOKENS = 10_000_000  # of one kind in one call: more than any model reads
MAX_NAME = 200  # characters of an id
MAX_RETRY_AFTER = 24 * 3600.0
MAX_DETAIL = 300
MIN_QUOTE = 12  # characters of the request in a row that make a message a quotation of it

STOPS = {
    "end_turn": Stop.END,
    "stop_sequence": Stop.END,
    "max_tokens": Stop.MAX_TOKENS,
    "model_context_window_exceeded": Stop.MAX_TOKENS,
    "refusal": Stop.REFUSAL,
}
DENIED = {401, 402, 403}
THROTTLED = {408, 409, 429}
SPENT = "usage limits"  # "You have reached your specified API usage limits", a 400
SPENT_CODES = {
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
}


class AnthropicProvider:
    """One SDK client per provider and process, made at the first call, on aiohttp: hundreds of calls wait at little cost.

    Without `api_key` the key is read from `ANTHROPIC_API_KEY` at that call; without `base_url` the SDK reads its own
    variable. `read_timeout` bounds the wait for the next byte, and the whole answer too: a drip is not a sign of life.
    """

    protocol = "anthropic"
    simulated = False

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._lock = threading.Lock()
        self._made: tuple[int, AsyncAnthropic] | None = None

    async def complete(self, request: Request) -> Completion:
        # Importing the SDK takes a second, which must not stop the loop.
        client = self._client_made() or await asyncio.to_thread(self._client)
        import aiohttp
        import anthropic
        import httpx2

        try:
            async with asyncio.timeout(self._connect_timeout + self._read_timeout):
                body = await self._ask(client, request)
        except anthropic.APIStatusError as error:
            failure = _of_status(error, _private(request, client.api_key))
        except (anthropic.APIConnectionError, httpx2.RequestError, aiohttp.ClientError) as error:
            failure = _of_connection(error)
        except TimeoutError:
            failure = OutcomeUnknown("Anthropic had not finished its answer when the time for it was over.")
        else:
            return read_message(body)
        # Raised outside the handler: the SDK's error carries the request and the key, and must not travel with ours.
        raise failure

    async def close(self) -> None:
        if client := self._client_made():
            self._made = None
            await client.close()

    def _client_made(self) -> "AsyncAnthropic | None":
        """The client of this process: a forked child must not share the connections of its parent."""
        return self._made[1] if self._made and self._made[0] == os.getpid() else None

    def _client(self) -> "AsyncAnthropic":
        with self._lock:
            if self._client_made() is None:
                self._made = (os.getpid(), self._new_client())
            return self._made[1]

    def _new_client(self) -> "AsyncAnthropic":
        key = (self._api_key if self._api_key is not None else os.environ.get(KEY_VARIABLE, "")).strip()
        if not key:
            raise AccessDenied(f"There is no key for Anthropic: set {KEY_VARIABLE}, or choose a scripted model.")
        if not (key.isascii() and key.isprintable()):
            raise AccessDenied(f"The value of {KEY_VARIABLE} is not a key: it has characters that no key has.")
        from anthropic import AsyncAnthropic, DefaultAioHttpClient, Timeout
        from httpx2 import Limits

        # Which model is asked is the project's decision: where warnings are errors, the call must not be lost.
        warnings.filterwarnings("ignore", "The model .* is deprecated", DeprecationWarning)
        timeout = Timeout(self._read_timeout, connect=self._connect_timeout, pool=self._connect_timeout)
        # How many calls are in flight is the worker's decision: 0 is no limit for aiohttp, where None is its default of
        # 100. The prompt goes where the configuration says, and nowhere that an answer says.
        client = DefaultAioHttpClient(timeout=timeout, limits=Limits(max_connections=0), follow_redirects=False)
        settings = {"base_url": self._base_url, "timeout": timeout, "max_retries": 0, "open_telemetry": False}
        return AsyncAnthropic(api_key=key, http_client=client, **settings)  # no traces: they carry prompts

    async def _ask(self, client: "AsyncAnthropic", request: Request) -> bytes:
        async with client.messages.with_streaming_response.create(**to_message_request(request)) as response:
            crash.at("after-send")
            body = bytearray()
            async for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise NotTheProtocol(f"Anthropic answered more than {MAX_BODY} bytes.")
        return bytes(body)


def to_message_request(request: Request) -> dict[str, Any]:
    """Our request → the arguments of `messages.create`. A cache marker stands behind each block that asks for one."""
    asked: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": [{"role": "user", "content": request.user}],
    }
    system = []
    for block in request.system:
        if block.text:  # an empty block is refused
            marker = {"cache_control": {"type": "ephemeral"}} if block.cached else {}
            system.append({"type": "text", "text": block.text, **marker})
    if system:
        asked["system"] = system
    if request.schema is not None:
        asked["output_config"] = _output_config(request.schema_text)
    return asked


@lru_cache(maxsize=256)
def _output_config(schema_text: str) -> dict[str, Any]:
    """Of a step it is always the same, and translating it costs more than all the rest of a request."""
    return {"format": {"type": "json_schema", "schema": to_provider_schema(json.loads(schema_text))}}


def read_message(body: bytes) -> Completion:
    """The body of a 2xx → what was answered and what it used. Raises `NotTheProtocol`.

    This is the envelope of the protocol, so a plain JSON parser reads it: the strict one would refuse a paid answer,
    and lose its usage, for one character in its text. That text stays hostile; whoever asked parses it strictly.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise NotTheProtocol("Anthropic answered a 2xx whose body is not JSON.") from None
    if not isinstance(message, dict):
        raise NotTheProtocol("Anthropic answered a 2xx that is not a message.")
    model, stop = (_text(message, name) for name in ("model", "stop_reason"))
    usage = _usage(message.get("usage"))
    return Completion(
        text=_storable("".join(_text_blocks(message.get("content")))),
        model_served=model,
        usage=usage,
        stop=STOPS.get(stop, Stop.OTHER),
        provider_request_id=_storable(str(message.get("id", ""))[:100]),
    )


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise NotTheProtocol(f"Anthropic answered a 2xx without a `{name}`.")
    return _storable(value[:MAX_NAME])


def _text_blocks(content: object) -> Iterable[str]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise NotTheProtocol("Anthropic answered a 2xx without a list of content blocks.")
    for block in content:
        if block.get("type") == "text":
            if not isinstance(block.get("text"), str):
                raise NotTheProtocol("Anthropic answered a text block without a text.")
            yield block["text"]


def _storable(text: str) -> str:
    r"""A NUL or a lone surrogate as its escape (`\u0000`): it can be stored, and in JSON it still says what it said."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def _usage(usage: object) -> Usage:
    """Our disjoint kinds: theirs are disjoint too, but writes come as a sum with a breakdown by time to live."""
    if not isinstance(usage, dict):
        raise NotTheProtocol("Anthropic answered a 2xx without its usage.")
    written = _tokens(usage, "cache_creation_input_tokens")
    breakdown = usage.get("cache_creation") or {}
    if not isinstance(breakdown, dict):
        raise NotTheProtocol("Anthropic's `cache_creation` is not an object.")
    for_an_hour = _tokens(breakdown, "ephemeral_1h_input_tokens")
    for_minutes = _tokens(breakdown, "ephemeral_5m_input_tokens")
    written = max(written, for_minutes + for_an_hour)
    details = usage.get("output_tokens_details")
    output = _tokens(usage, "output_tokens", required=True)
    thinking = _tokens(details, "thinking_tokens") if isinstance(details, dict) else 0
    if thinking > output:
        raise NotTheProtocol(f"Anthropic counts {thinking} tokens of thinking in {output} of output.")
    return Usage(
        input=_tokens(usage, "input_tokens", required=True),
        cache_read=_tokens(usage, "cache_read_input_tokens"),
        cache_write_5m=written - for_an_hour,
        cache_write_1h=for_an_hour,
        output=output,
        thinking=thinking,
    )


def _tokens(usage: dict[str, Any], name: str, required: bool = False) -> int:
    value = usage.get(name)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TOKENS:
        raise NotTheProtocol(f"Anthropic's usage has no believable `{name}`.")
    return value


def _of_status(error: "APIStatusError", private: list[str]) -> ProviderError:
    """An answer that is not a 2xx → what it means for us."""
    message = error.api_message if isinstance(error.api_message, str) else ""
    detail = _detail(f"Anthropic answered {error.status_code}", message, private)
    spent = error.error_code in SPENT_CODES or (error.status_code == 400 and SPENT in message.lower())
    retry_after = _seconds(error.response.headers.get("retry-after"), lambda: datetime.now(UTC))
    if spent or error.status_code in DENIED:
        return AccessDenied(detail, retry_after)
    if error.status_code in THROTTLED or error.status_code >= 500:
        return Throttled(detail, retry_after)
    return Rejected(detail)


def _of_connection(error: Exception) -> ProviderError:
    """No answer: either nothing left this machine, or nobody knows whether it was paid."""
    import httpx2

    causes = list(_causes(error))
    if any(isinstance(cause, httpx2.DecodingError) for cause in causes):
        return NotTheProtocol("Anthropic answered a body that cannot be decompressed.")
    named = next((cause for cause in causes if isinstance(cause, httpx2.RequestError)), causes[-1])
    if _never_left(named, causes[-1]):
        return NotSent(f"Anthropic could not be reached ({type(named).__name__}).")
    return OutcomeUnknown(f"The call was sent to Anthropic and its answer was lost ({type(causes[-1]).__name__}).")


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _never_left(named: BaseException, first: BaseException) -> bool:
    """The SDK's aiohttp transport calls every broken connection a `ConnectError`, also one that broke after the request
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
    return [text for text in (request.user, request.prefix, key or "") if text]


def _detail(what: str, message: str, private: list[str]) -> str:
    """One bounded sentence for the ledger. A message that quotes the request, or the key, is left out."""
    message = " ".join(_storable(message[:MAX_DETAIL]).split())
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
