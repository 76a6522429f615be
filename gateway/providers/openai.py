"""OpenAI's Chat Completions through the official SDK: OpenAI itself, and every endpoint that speaks like it (Gemini,
OpenRouter, Mistral, Groq, vLLM, Ollama, a gateway).

They agree on the form and differ in what they take. What an endpoint refuses is left out and asked for in words, and it is
remembered for its model: a refusal is free, and one call in the ledger is still one answer.
"""

import json
import re
from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..dialect import requires_everything, to_provider_schema
from ..types import Completion, NotTheProtocol, Rejected, Request, Stop, Usage
from .sdk import SdkProvider, named, storable, tokens

if TYPE_CHECKING:
    from openai import AsyncOpenAI

VENDOR = "The OpenAI-compatible endpoint"
STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,
    "length": Stop.MAX_TOKENS,
    "model_length": Stop.MAX_TOKENS,
    "max_tokens": Stop.MAX_TOKENS,
    "content_filter": Stop.REFUSAL,
    "refusal": Stop.REFUSAL,
}
SPENT_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "access_terminated"}


@dataclass(frozen=True)
class Manner:
    """One way to ask that an endpoint may refuse; `refused_by` is looked for in its message."""

    name: str
    refused_by: re.Pattern[str]


STRUCTURED = Manner("structured", re.compile(r"response_format|json_schema|structured output|guided|schema", re.I))
NEW_LIMIT = Manner("max_completion_tokens", re.compile(r"max_completion_tokens|max_tokens", re.I))
SYSTEM_ROLE = Manner("system", re.compile(r"messages\[0\]\.?role|system (role|message)|developer instruction", re.I))
MANNERS = (NEW_LIMIT, SYSTEM_ROLE, STRUCTURED)
INSTEAD = (
    "Answer with one JSON object and nothing else: no Markdown, no code fence. It has to follow this JSON Schema:\n"
)


class OpenAIProvider(SdkProvider):
    """Without `base_url` the SDK reads its own variable."""

    vendor = VENDOR
    protocol = "openai"
    own_key_variable = "OPENAI_API_KEY"

    def __init__(self, *arguments: Any, **named_arguments: Any) -> None:
        super().__init__(*arguments, **named_arguments)
        self._refused: defaultdict[str, set[Manner]] = defaultdict(set)  # by model; found out anew in each process

    async def complete(self, request: Request) -> Completion:
        for _ in MANNERS:
            try:
                return await super().complete(request)
            except Rejected as rejection:
                manner = next(
                    (each for each in self._manners(request) if each.refused_by.search(rejection.detail)), None
                )
                if manner is None:
                    raise
                self._refused[request.model].add(manner)
        return await super().complete(request)

    def _manners(self, request: Request) -> list[Manner]:
        """How this request is asked for now."""
        left_out = self._refused[request.model]
        return [each for each in MANNERS if each not in left_out and (each is not STRUCTURED or request.schema)]

    def _new_client(self, key: str, http_options: dict[str, Any]) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAioHttpClient

        client = DefaultAioHttpClient(**http_options)
        settings = {"base_url": self._base_url, "timeout": http_options["timeout"], "max_retries": 0}
        return AsyncOpenAI(api_key=key, http_client=client, **settings)

    def _post(self, client: "AsyncOpenAI", request: Request) -> AbstractAsyncContextManager[Any]:
        asked = to_chat_request(request, self._manners(request))
        return client.chat.completions.with_streaming_response.create(**asked)

    def _errors(self) -> tuple[type[Exception], type[Exception]]:
        import openai

        return openai.APIStatusError, openai.APIConnectionError

    def _read(self, body: bytes) -> Completion:
        return read_chat_completion(body)

    def _is_spent(self, status: int, code: str, message: str) -> bool:
        return code in SPENT_CODES


def to_chat_request(request: Request, manners: "list[Manner] | tuple[Manner, ...]" = MANNERS) -> dict[str, Any]:
    """Our request → the arguments of `chat.completions.create`. These endpoints cache a repeated prefix by themselves."""
    prefix = "\n\n".join(block.text for block in request.system if block.text)
    if request.schema is not None and STRUCTURED not in manners:
        prefix = f"{prefix}\n\n{INSTEAD}{request.schema_text}".strip()
    user = request.user
    if prefix and SYSTEM_ROLE not in manners:
        prefix, user = "", f"{prefix}\n\n{user}"
    messages = [{"role": "system", "content": prefix}] if prefix else []
    limit = "max_completion_tokens" if NEW_LIMIT in manners else "max_tokens"
    asked: dict[str, Any] = {
        "model": request.model,
        "messages": [*messages, {"role": "user", "content": user}],
        limit: request.max_output_tokens,
    }
    if request.schema is not None and STRUCTURED in manners:
        asked["response_format"] = _response_format(request.schema_text)
    return asked


@lru_cache(maxsize=256)
def _response_format(schema_text: str) -> dict[str, Any]:
    """`strict` wants every key of an object required; where one is optional the schema is a hint, and checked by us."""
    schema = to_provider_schema(json.loads(schema_text))
    described = {"name": "answer", "schema": schema, "strict": requires_everything(schema)}
    return {"type": "json_schema", "json_schema": described}


def read_chat_completion(body: bytes) -> Completion:
    """The body of a 2xx → what was answered and what it used. Raises `NotTheProtocol`. Its text stays hostile."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise NotTheProtocol(f"{VENDOR} answered a 2xx whose body is not JSON.") from None
    choice = _choice(message)
    said = choice["message"]
    refusal = said.get("refusal")
    stop = (
        Stop.REFUSAL
        if isinstance(refusal, str) and refusal
        else STOPS.get(str(choice.get("finish_reason")), Stop.OTHER)
    )
    text = _content(said.get("content"))
    return Completion(
        text=storable(text or (refusal if stop is Stop.REFUSAL and isinstance(refusal, str) else "")),
        model_served=named(VENDOR, message, "model"),
        usage=_usage(message.get("usage")),
        stop=stop,
        provider_request_id=storable(str(message.get("id") or "")[:100]),
    )


def _choice(message: object) -> dict[str, Any]:
    choices = message.get("choices") if isinstance(message, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise NotTheProtocol(f"{VENDOR} answered a 2xx without a choice that has a message.")
    return choice


def _content(content: object) -> str:
    """A text, nothing at all, or a list of parts of which the texts count (the others are thoughts)."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text") for part in content if part.get("type") == "text"]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts)
    raise NotTheProtocol(f"{VENDOR} answered a message whose content is no text.")


def _usage(usage: object) -> Usage:
    """Our disjoint kinds. Their `prompt_tokens` are all that was read, cached or not; what the total has beyond prompt and
    completion is thinking that some (Gemini, xAI) leave out of the completion and bill as output all the same."""
    if not isinstance(usage, dict):
        raise NotTheProtocol(f"{VENDOR} answered a 2xx without its usage.")
    read = tokens(VENDOR, usage, "prompt_tokens", required=True)
    written = tokens(VENDOR, usage, "completion_tokens", required=True)
    beyond = max(0, tokens(VENDOR, usage, "total_tokens") - read - written)
    details, completion = _details(usage, "prompt_tokens_details"), _details(usage, "completion_tokens_details")
    cached = tokens(VENDOR, details, "cached_tokens") or tokens(VENDOR, usage, "prompt_cache_hit_tokens")
    cached = cached or tokens(VENDOR, usage, "num_cached_tokens")
    if cached > read:
        raise NotTheProtocol(f"{VENDOR} counts {cached} cached tokens in {read} of prompt.")
    stored = min(tokens(VENDOR, details, "cache_write_tokens"), read - cached)  # OpenRouter may count one token as both
    output = written + beyond
    thinking = tokens(VENDOR, completion, "reasoning_tokens")
    if thinking > output:
        raise NotTheProtocol(f"{VENDOR} counts {thinking} tokens of reasoning in {output} of output.")
    return Usage(
        input=read - cached - stored,
        cache_read=cached,
        cache_write_5m=stored,
        output=output,
        thinking=max(thinking, beyond),
    )


def _details(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name) or {}
    if not isinstance(found, dict):
        raise NotTheProtocol(f"{VENDOR}'s `{name}` is not an object.")
    return found
