"""What a comparison looks like in an answer. docs/reconciliation.md says what each figure is."""

from typing import Annotated, Literal

from pydantic import Field

from executions.shown import Tokens
from wire.answers import Answer, Count, Day, Id, Money, Time, word_of

from .models import UsageImport

Signed = Annotated[int, Field(description="Of the ledger less the provider's.")]


class TokenDifference(Answer):
    input: Signed
    cache_read: Signed
    cache_write: Signed
    output: Signed


class ComparedTokens(Answer):
    ledger: Tokens
    provider: Tokens


class ComparedLine(Answer):
    """Of one model on one day; null: this side has none."""

    day: Day
    model: str
    state: Literal["matches", "differs", "ledger_only", "provider_only"]
    ledger: Tokens | None
    provider: Tokens | None
    difference: TokenDifference


class ComparedCost(Answer):
    day: Day
    state: Literal["matches", "differs"]
    ledger: Money
    provider: Money
    difference: Money
    unpriced_calls: Count
    other: Annotated[Money, Field(description="What the provider wants for what are no tokens; not in `provider`.")]


class CallsInDoubt(Answer):
    day: Day
    model: str
    calls: Count
    upper_bound: Money | None


class Imported(Answer):
    id: Id
    of: word_of(UsageImport.Kind)
    first_day: Day
    last_day: Day
    days: Count
    sha256: str
    imported_by: str
    imported_at: Time


class ComparedProvider(Answer):
    provider: str
    first_day: Day | None
    last_day: Day | None
    days: Annotated[Count, Field(description="Of which the provider's figures are here.")]
    agrees: Annotated[bool | None, Field(description="Null without days.")]
    agreed_until: Annotated[Day | None, Field(description="Every day from `first_day` to this one is here and agrees.")]
    differences: Count
    tokens: ComparedTokens
    lines: Annotated[list[ComparedLine], Field(description="What differs: the first 200.")]
    costs: list[ComparedCost]
    in_doubt: list[CallsInDoubt]
    explanations: list[str]
    imports: Annotated[list[Imported], Field(description="The newest 50 that speak of these days.")]


class Reconciliation(Answer):
    currency: str
    providers: list[ComparedProvider]
