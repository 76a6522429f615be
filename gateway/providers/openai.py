"""OpenAI's Chat Completions through the official SDK: OpenAI itself, and every endpoint that speaks like it (Gemini,
OpenRouter, Mistral, Groq, vLLM, Ollama, a gateway).

They agree on the form and differ in what they take. What an endpoint refuses is asked for otherwise, and remembered where
that worked: a refusal is free, and one call in the ledger is still one answer.
"""

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from ..dialect import requires_everything, to_provider_schema
from ..types import Completion, NotTheProtocol, ProviderError, Rejected, Request, Stop, Usage
from .sdk import NotA2xx, SdkProvider, before_it_leaves, message_in, named, storable, tokens, word

if TYPE_CHECKING:
    from openai import AsyncOpenAI

VENDOR = "the OpenAI-compatible endpoint"
OWN_HOST = ".openai.com"
MAX_REFUSAL = 20_000  # characters that are looked at
STOPS = {
    "stop": Stop.END,
    "eos": Stop.END,
    "eos_token": Stop.END,
    "end_turn": Stop.END,
    "stop_sequence": Stop.END,
    "length": Stop.MAX_TOKENS,
    "model_length": Stop.MAX_TOKENS,
    "max_tokens": Stop.MAX_TOKENS,
    "content_filter": Stop.REFUSAL,
    "refusal": Stop.REFUSAL,
}
SPENT_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "access_terminated"}
LIMITS = {"max_completion_tokens": "max_tokens", "max_tokens": "max_completion_tokens"}
IN_WORDS = (
    "Answer with one JSON object and nothing else: no Markdown, no code fence. It has to follow this JSON Schema:\n"
)


@dataclass(frozen=True)
class Manner:
    """How a model is asked, where endpoints differ. `form`: what promises the structure; an empty one is words alone."""

    limit: str = "max_completion_tokens"
    system: bool = True
    form: str = "json_schema"
    strict: bool = True


@dataclass(frozen=True)
class Alternative:
    """What to ask otherwise when a refusal speaks of it."""

    spoken_of: re.Pattern[str]
    instead: Callable[[Manner], Manner]

    @classmethod
    def of(cls, spoken_of: str, **changed: object) -> "Alternative":
        return cls(re.compile(spoken_of, re.I), partial(replace, **changed))


_FORM = r"response_format|json_schema|json_object|json.?mode|structured.?output|guided|grammar|schema"
ALTERNATIVES = (
    # Of a length that is too large for the model the message speaks as well: there is no other way to ask for that.
    Alternative(
        re.compile(r"^(?!.*(too large|exceed|at most|maximum|context length)).*max_(completion_)?tokens", re.I | re.S),
        lambda manner: replace(manner, limit=LIMITS[manner.limit]),
    ),
    Alternative.of(
        r"messages\[0\]|(system|developer).{0,20}(role|message|prompt|instruction)|role.{0,40}system", system=False
    ),
    Alternative.of(r"\bstrict\b|invalid.{0,20}schema", strict=False),
    Alternative.of(_FORM, form="json_object"),
    Alternative.of(_FORM, form=""),
)


class Refused(Rejected):
    """`alternatives`: those that the endpoint's own words, which are not kept, speak of."""

    alternatives: tuple[Alternative, ...] = ()


class OpenAIProvider(SdkProvider):
    vendor = VENDOR
    protocol = "openai"
    own_key_variable = "OPENAI_API_KEY"

    def __init__(self, *arguments: Any, **named_arguments: Any) -> None:
        super().__init__(*arguments, **named_arguments)
        # Found out anew in each process. What is refused of a schema says nothing of the model's other ones.
        self._manners: dict[str, Manner] = {}
        self._not_strict: set[tuple[str, str]] = set()

    async def complete(self, request: Request) -> Completion:
        client = await self._ready()
        manner, left = self._manner(client, request), list(ALTERNATIVES)
        while True:
            with before_it_leaves(VENDOR):
                asked = to_chat_request(request, manner)
            try:
                completion = await self._ask(client, request, asked)
            except Refused as refused:
                refusal = refused
            else:
                self._remember(request, manner)
                return completion
            other = _other(refusal, request, manner, left)
            if other is None:
                raise refusal
            left.remove(other)
            manner = other.instead(manner)

    def _manner(self, client: "AsyncOpenAI", request: Request) -> Manner:
        """As it worked last. At first with the older name of the length, but for OpenAI itself: some do not know the newer
        one and ignore it (Ollama), and an answer without an end is worse than a refusal."""
        own = client.base_url.host.endswith(OWN_HOST)
        usual = Manner() if own else Manner(limit="max_tokens")
        strict = (request.model, request.schema_text) not in self._not_strict
        return replace(self._manners.get(request.model, usual), strict=strict)

    def _remember(self, request: Request, manner: Manner) -> None:
        self._manners[request.model] = manner
        if not manner.strict:
            self._not_strict.add((request.model, request.schema_text))

    def _new_client(self, key: str, http_options: dict[str, Any]) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAioHttpClient

        to_provider_schema({})  # what translates schemas takes a second to import, and must not stop the loop either
        client = self._judged(DefaultAioHttpClient(**http_options))
        settings = {"base_url": self._base_url, "timeout": http_options["timeout"], "max_retries": 0}
        return AsyncOpenAI(api_key=key, http_client=client, **settings)

    def _strip(self, client: "AsyncOpenAI") -> None:
        super()._strip(client)
        client.organization = client.project = None  # OPENAI_ORG_ID, OPENAI_PROJECT_ID
        client.admin_api_key = None  # OPENAI_ADMIN_KEY

    def _post(self, client: "AsyncOpenAI", asked: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
        return client.chat.completions.with_streaming_response.create(**asked)

    def _unanswered(self) -> type[Exception]:
        from openai import APIConnectionError

        return APIConnectionError

    def _of_status(self, refusal: NotA2xx, private: list[str]) -> ProviderError:
        failure = super()._of_status(refusal, private)
        if not isinstance(failure, Rejected):
            return failure
        refused = Refused(failure.detail)
        said = refusal.body.decode(errors="replace")[:MAX_REFUSAL]
        refused.alternatives = tuple(each for each in ALTERNATIVES if each.spoken_of.search(said))
        return refused

    def _read(self, body: bytes) -> Completion:
        return read_chat_completion(body)

    def _is_spent(self, status: int, code: str, message: str) -> bool:
        return code in SPENT_CODES


def _other(refusal: Refused, request: Request, manner: Manner, left: list[Alternative]) -> Alternative | None:
    """What to change after this refusal; what changes nothing of the request is no alternative."""
    asked = to_chat_request(request, manner)
    of_it = (each for each in refusal.alternatives if each in left)
    return next((each for each in of_it if to_chat_request(request, each.instead(manner)) != asked), None)


def to_chat_request(request: Request, manner: Manner = Manner()) -> dict[str, Any]:
    """Our request → the arguments of `chat.completions.create`. These endpoints cache a repeated prefix by themselves."""
    prefix = "\n\n".join(block.text for block in request.system if block.text)
    if request.schema is not None and manner.form != "json_schema":
        prefix = f"{prefix}\n\n{IN_WORDS}{request.schema_text}".strip()
    user = request.user
    if prefix and not manner.system:
        prefix, user = "", f"{prefix}\n\n{user}"
    messages = [{"role": "system", "content": prefix}] if prefix else []
    asked: dict[str, Any] = {
        "model": request.model,
        "messages": [*messages, {"role": "user", "content": user}],
        manner.limit: request.max_output_tokens,
    }
    if request.schema is not None and manner.form:
        asked["response_format"] = _response_format(request.schema_text, manner)
    return asked


def _response_format(schema_text: str, manner: Manner) -> dict[str, Any]:
    if manner.form == "json_object":
        return {"type": "json_object"}
    schema, strict = _schema(schema_text)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema, "strict": strict and manner.strict},
    }


@lru_cache(maxsize=256)
def _schema(schema_text: str) -> tuple[dict[str, Any], bool]:
    """In the provider's dialect, and whether it can be strict: that wants every key of an object required. Where one is
    optional the schema is a hint, and checked by us."""
    schema = to_provider_schema(json.loads(schema_text))
    return schema, requires_everything(schema)


def read_chat_completion(body: bytes) -> Completion:
    """The body of a 2xx → what was answered and what it used. Raises `NotTheProtocol`. Its text stays hostile."""
    message = message_in(VENDOR, body)
    choice = _choice(message)
    said = choice["message"]
    refusal = said.get("refusal")
    refusal = refusal if isinstance(refusal, str) else ""
    stop = Stop.REFUSAL if refusal else STOPS.get(str(choice.get("finish_reason")).lower(), Stop.OTHER)
    return Completion(
        text=storable(_content(said.get("content")) or refusal),
        model_served=named(VENDOR, message, "model"),
        usage=_usage(message.get("usage")),
        stop=stop,
        provider_request_id=storable(str(message.get("id") or "")[:100]),
        stopped_for=word(choice.get("finish_reason")) if stop is Stop.OTHER else "",
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
    # OpenRouter counts what was written and at once read (Gemini) as both: here it is what costs more.
    stored = min(tokens(VENDOR, details, "cache_write_tokens"), read)
    cached = min(cached, read - stored)
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
