"""REST for prices: those in force beside each other, and a project's own. Parses, calls one domain verb, renders."""

from datetime import UTC, datetime, time
from typing import Annotated

from django.utils import timezone
from pydantic import BeforeValidator, Field, WithJsonSchema
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from projects.targets import MODEL
from wire.answers import Listed, Problem
from wire.bodies import Body, Day, Usd
from wire.filters import TEXT, TIME
from wire.money import percent_text, usd_text
from wire.paging import page_of
from wire.problems import Invalid
from wire.views import View

from . import pricing, shown
from .price_table import Priced, price_table
from .prices import KINDS, Price


def _model_id(value: object) -> str:
    if not isinstance(value, str) or not MODEL.fullmatch(value):
        raise ValueError("A model's id has 1 to 200 letters, digits and signs of ASCII, and no blank")
    return value


ModelId = Annotated[str, BeforeValidator(_model_id), WithJsonSchema({"type": "string", "pattern": "^[!-~]{1,200}$"})]


class BatchPrice(Body):
    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None


class NewPrice(Body):
    """USD per million tokens, of each kind that the provider has a price of."""

    provider: Annotated[str, Field(max_length=50)]
    model: ModelId
    from_: Annotated[Day, Field(alias="from", description="The first day (UTC) on which it holds; today or later.")]
    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    batch: BatchPrice | None = None


class PriceList(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.ADMIN}
    filters = {"provider": TEXT, "model": TEXT, "at": TIME}
    paged = True
    bodies = {"PUT": NewPrice}
    answers = {
        "GET": {200: Listed[shown.ModelPrice]},
        "PUT": {200: shown.ModelPrice, 201: shown.ModelPrice, 409: Problem},
    }

    def get(self, request: Request) -> Response:
        """Prices in force, the cheapest prompt first, and how many times the cheapest each is.

        Of every model that the lists of the project's providers have, of its tier map and of its own prices; `at` another time.
        """
        at, given = self.given.get("at") or timezone.now(), self.given
        rows = price_table(request.auth.project, at, given.get("provider"), given.get("model"))
        return page_of(request, rows, lambda row: row.target, represent_price)

    def put(self, request: Request) -> Response:
        """States a price of the project's own, which goes before the public list from a day on; never into the past."""
        body: NewPrice = self.body
        project = request.auth.project
        if body.provider not in (known := project.known_providers()):
            raise Invalid.at("/provider", f"This project has no such provider; it has {', '.join(known)}.")
        prices = {**_stored(body), **{f"batch_{kind}": price for kind, price in _stored(body.batch).items()}}
        own, made = pricing.state(project, body.provider, body.model, body.from_, prices, str(request.user))
        first_moment = datetime.combine(own.valid_from, time.min, UTC)
        [row] = price_table(project, first_moment, own.provider, own.model)
        return Response(represent_price(row), status=201 if made else 200)


def _stored(body: NewPrice | BatchPrice | None) -> dict[str, int | None]:
    """By the ledger's kinds; a cache is written for five minutes where nobody says for how long."""
    kinds = {kind: "cache_write" if kind == "cache_write_5m" else kind for kind in KINDS}
    return {kind: pricing.to_stored(getattr(body, name) if body else None) for kind, name in kinds.items()}


def represent_price(row: Priced) -> dict:
    return {
        "provider": row.provider,
        "model": row.model,
        "simulated": row.simulated,
        "currency": "USD",
        "per_tokens": 1_000_000,
        "price": _by_kind(row.price),
        "batch": _by_kind(row.batch),
        "long_prompts": [{"above_tokens": above, **_by_kind(price)} for above, price in row.long_prompts],
        "source": row.price.source if row.price else None,
        "source_version": row.price.version if row.price else None,
        "since": row.since and row.since.isoformat(),
        "until": row.until and row.until.isoformat(),
        "listed": _by_kind(row.listed),
        "times_cheapest": percent_text(row.times_cheapest),
        "times_cheapest_output": percent_text(row.times_cheapest_output),
    }


def _by_kind(price: Price | None) -> dict | None:
    if price is None:
        return None
    return {
        "input": usd_text(price.input),
        "output": usd_text(price.output),
        "cache_read": usd_text(price.cache_read),
        "cache_write": usd_text(price.cache_write_5m),
        "cache_write_1h": usd_text(price.cache_write_1h),
    }
