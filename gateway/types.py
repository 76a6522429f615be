"""What the gateway and its providers say to each other: a request goes in, a completion comes out, or an error of one tree.

ProviderError                 the call did not give an answer
├── NotSent                   no connection: nothing was paid
├── Rejected                  the provider says the request is wrong (400, 404, 413): never retried
├── AccessDenied              key, billing or permission (401, 402, 403): wait until a person mends it
├── Throttled                 429, 529, 5xx, 408, 409: nothing was paid, try later
├── NotTheProtocol            a 2xx that cannot be read: paid, we do not know how much
└── OutcomeUnknown            sent, and the answer was lost (read timeout, reset): perhaps paid
"""

import hashlib
import json
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

MAX_ANSWER = 1_000_000  # characters of an answer that anybody reads
MAX_RETRY_AFTER = 24 * 3600.0  # seconds that a provider can ask to be left alone


class Purpose(StrEnum):
    STEP = "step"
    REPAIR = "repair"
    ESCALATION = "escalation"
    DESIGN = "design"
    REDESIGN = "redesign"
    EVALUATION = "evaluation"
    SHADOW = "shadow"
    JUDGE = "judge"
    MATCH = "match"


class Outcome(StrEnum):
    """How a call ended. Every call in the ledger has exactly one."""

    OK = "ok"
    TRUNCATED = "truncated"  # cut at max_output_tokens or at the context window
    REFUSED = "refused"
    MODEL_MISMATCH = "model_mismatch"
    PROTOCOL = "protocol"  # 2xx, but not the provider's protocol
    REJECTED = "rejected"
    DENIED = "denied"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"
    DISCARDED = "discarded"  # answered, but the worker had lost its lease: paid and not used


ANSWERED = frozenset(
    {Outcome.OK, Outcome.TRUNCATED, Outcome.REFUSED}
)  # a completion came, from the model that was named


class Stop(StrEnum):
    END = "end"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    OTHER = "other"


@dataclass(frozen=True)
class Usage:
    """Tokens of one or more calls. The kinds are disjoint but for `thinking`, which is a part of `output`."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    thinking: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def prompt(self) -> int:
        """All tokens that were read, cached or not: what price tiers by prompt length look at."""
        return self.input + self.cached

    @property
    def cached(self) -> int:
        """Of those, what stood in a cache or was put there."""
        return self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def uncached(self) -> "Usage":
        """The same tokens on a model that caches none of them."""
        return Usage(input=self.prompt, output=self.output, thinking=self.thinking)


@dataclass(frozen=True)
class Block:
    """One block of the system prompt; `cached` puts a cache marker behind it."""

    text: str
    cached: bool = False


@dataclass(frozen=True)
class Request:
    """What is asked, in no vendor's dialect. `marker` is the random id around inserted values: left out of the hash."""

    model: str
    system: tuple[Block, ...]
    user: str
    schema: dict | None
    max_output_tokens: int
    marker: str = ""

    @cached_property
    def prefix(self) -> str:
        """The stable part of the prompt: what a cache could hold."""
        return "\n".join(block.text for block in self.system)

    @property
    def prefix_hash(self) -> str:
        return hashlib.sha256(self.prefix.encode()).hexdigest()

    @cached_property
    def schema_text(self) -> str:
        return json.dumps(self.schema) if self.schema else ""

    @property
    def prompt_bytes(self) -> int:
        """UTF-8 bytes of everything sent as prompt, an upper bound of its tokens."""
        return len(self.prefix.encode()) + len(self.user.encode()) + len(self.schema_text.encode())

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides the answer, the same for two renderings of the same values."""
        user = self.user.replace(self.marker, "") if self.marker else self.user
        said = [self.model, *(block.text for block in self.system), user, self.schema_text, str(self.max_output_tokens)]
        return hashlib.sha256("\x00".join(said).encode()).hexdigest()  # none of them has a NUL


@dataclass(frozen=True)
class Completion:
    """What a provider answered, normalised."""

    text: str
    model_served: str
    usage: Usage
    stop: Stop = Stop.END
    provider_request_id: str = ""
    stopped_for: str = ""  # with `Stop.OTHER`: the provider's own word


class ProviderError(Exception):
    """`outcome` is what the ledger says; `detail` a sentence, `retry_after` the seconds the provider asked for, where it did: a
    day at most, whoever says it."""

    outcome = Outcome.THROTTLED

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail[:1].upper() + detail[1:]
        self.retry_after = retry_after and min(retry_after, MAX_RETRY_AFTER)


class NotSent(ProviderError):
    outcome = Outcome.NOT_SENT


class Rejected(ProviderError):
    outcome = Outcome.REJECTED


class AccessDenied(ProviderError):
    outcome = Outcome.DENIED


class Throttled(ProviderError):
    """`soon`: whether it may help to try again before long; some providers say that it does not."""

    outcome = Outcome.THROTTLED

    def __init__(self, detail: str, retry_after: float | None = None, soon: bool = True) -> None:
        super().__init__(detail, retry_after)
        self.soon = soon


class NotTheProtocol(ProviderError):
    outcome = Outcome.PROTOCOL


class OutcomeUnknown(ProviderError):
    outcome = Outcome.IN_DOUBT
