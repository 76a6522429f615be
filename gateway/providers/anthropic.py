"""The Anthropic Messages API through the official SDK: its own retries off, every way to fail named."""

import json
import warnings
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..dialect import to_provider_schema
from ..types import Completion, NotTheProtocol, Request, Stop, Usage
from .sdk import SdkProvider, before_it_leaves, message_in, named, storable, tokens, word

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

VENDOR = "Anthropic"

STOPS = {
    "end_turn": Stop.END,
    "stop_sequence": Stop.END,
    "max_tokens": Stop.MAX_TOKENS,
    "model_context_window_exceeded": Stop.MAX_TOKENS,
    "refusal": Stop.REFUSAL,
}
SPENT = "usage limits"  # "You have reached your specified API usage limits", a 400
SPENT_CODES = {
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
}


class AnthropicProvider(SdkProvider):
    vendor = VENDOR
    protocol = "anthropic"
    own_key_variable = "ANTHROPIC_API_KEY"

    async def complete(self, request: Request) -> Completion:
        client = await self._ready()
        with before_it_leaves(VENDOR):
            asked = to_message_request(request)
        return await self._ask(client, request, asked)

    def _new_client(self, key: str, http_options: dict[str, Any]) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic, DefaultAioHttpClient

        # Which model is asked is the project's decision: where warnings are errors, the call must not be lost.
        warnings.filterwarnings("ignore", "The model .* is deprecated", DeprecationWarning)
        client = self._judged(DefaultAioHttpClient(**http_options))
        settings = {"base_url": self._base_url, "timeout": http_options["timeout"], "max_retries": 0}
        return AsyncAnthropic(api_key=key, http_client=client, open_telemetry=False, **settings)  # traces carry prompts

    def _post(self, client: "AsyncAnthropic", asked: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
        return client.messages.with_streaming_response.create(**asked)

    def _unanswered(self) -> type[Exception]:
        from anthropic import APIConnectionError

        return APIConnectionError

    def _read(self, body: bytes) -> Completion:
        return read_message(body)

    def _is_spent(self, status: int, code: str, message: str) -> bool:
        return code in SPENT_CODES or (status == 400 and SPENT in message)


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

    Its text stays hostile; whoever asked parses it strictly.
    """
    message = message_in(VENDOR, body)
    if not isinstance(message, dict):
        raise NotTheProtocol("Anthropic answered a 2xx that is not a message.")
    model, stop = (named(VENDOR, message, name) for name in ("model", "stop_reason"))
    usage = _usage(message.get("usage"))
    return Completion(
        text=storable("".join(_text_blocks(message.get("content")))),
        model_served=model,
        usage=usage,
        stop=STOPS.get(stop, Stop.OTHER),
        provider_request_id=storable(str(message.get("id", ""))[:100]),
        stopped_for="" if stop in STOPS else word(stop),
    )


def _text_blocks(content: object) -> Iterable[str]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise NotTheProtocol("Anthropic answered a 2xx without a list of content blocks.")
    for block in content:
        if block.get("type") == "text":
            if not isinstance(block.get("text"), str):
                raise NotTheProtocol("Anthropic answered a text block without a text.")
            yield block["text"]


def _usage(usage: object) -> Usage:
    """Our disjoint kinds: theirs are disjoint too, but writes come as a sum with a breakdown by time to live."""
    if not isinstance(usage, dict):
        raise NotTheProtocol("Anthropic answered a 2xx without its usage.")
    written = tokens(VENDOR, usage, "cache_creation_input_tokens")
    breakdown = usage.get("cache_creation") or {}
    if not isinstance(breakdown, dict):
        raise NotTheProtocol("Anthropic's `cache_creation` is not an object.")
    for_an_hour = tokens(VENDOR, breakdown, "ephemeral_1h_input_tokens")
    for_minutes = tokens(VENDOR, breakdown, "ephemeral_5m_input_tokens")
    written = max(written, for_minutes + for_an_hour)
    details = usage.get("output_tokens_details")
    output = tokens(VENDOR, usage, "output_tokens", required=True)
    thinking = tokens(VENDOR, details, "thinking_tokens") if isinstance(details, dict) else 0
    if thinking > output:
        raise NotTheProtocol(f"Anthropic counts {thinking} tokens of thinking in {output} of output.")
    return Usage(
        input=tokens(VENDOR, usage, "input_tokens", required=True),
        cache_read=tokens(VENDOR, usage, "cache_read_input_tokens"),
        cache_write_5m=written - for_an_hour,
        cache_write_1h=for_an_hour,
        output=output,
        thinking=thinking,
    )
