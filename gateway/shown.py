"""What a price looks like in an answer. All of them are USD per million tokens."""

from typing import Annotated

from pydantic import Field

from wire.answers import Answer, Day, Money, word_of

Times = Annotated[str, Field(pattern=r"^\d+\.\d{2}$")]


class PricesByKind(Answer):
    """By kind of token; null where there is no price of that kind."""

    input: Money | None
    output: Money | None
    cache_read: Money | None
    cache_write: Annotated[Money | None, Field(description="For five minutes.")]
    cache_write_1h: Money | None


class LongPromptPrices(PricesByKind):
    above_tokens: Annotated[int, Field(ge=1, description="Of every token of a prompt that is longer than this.")]


class ModelPrice(Answer):
    provider: str
    model: str
    simulated: bool
    currency: word_of(("USD",))
    per_tokens: Annotated[int, Field(ge=1)]
    price: Annotated[PricesByKind | None, Field(description="Null: nobody states one; its calls are unpriced.")]
    batch: PricesByKind | None
    long_prompts: list[LongPromptPrices]
    source: Annotated[str | None, Field(description="project, or the public list.")]
    source_version: str | None
    since: Annotated[Day | None, Field(description="The first day of this price; null where the list knows none.")]
    until: Annotated[Day | None, Field(description="The day from which the project has stated another one.")]
    listed: Annotated[
        PricesByKind | None,
        Field(description="What the public list says, where the project's own price goes before it."),
    ]
    times_cheapest: Annotated[Times | None, Field(description="Its input price by the lowest one that is not 0.")]
    times_cheapest_output: Times | None
