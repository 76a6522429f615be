"""The method page of a workflow, and that of a project."""

from collections.abc import Iterator
from datetime import date, datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from analytics.baselines import Method as By
from analytics.costs import Summary
from analytics.side_by_side import side_by_side
from gateway import pricing
from gateway.prices import listed_since
from gateway.providers.registry import provider_of
from projects.models import Project
from wire.money import usd_text

from ...charts.chart import Cell
from ...numbers import NOTHING, day
from ..asking import Asked
from ..lead import labelled
from ..page import Page
from . import baselines
from .formulas import parts
from .quality import quality
from .words import NOT_COUNTED, WORDS

OF_PRICES = ("Model", "In", "Out", "Read from the cache", "Written to it", "In force since", "Stated by")
RATES = ("input", "output", "cache_read", "cache_write_5m")


class HowItIsWorkedOut(Page):
    name, heading, template = "method", "Method", "method.html"

    def shown(self, about: Asked) -> dict[str, object]:
        found = side_by_side(about.extent, about.method, about.subject)
        before = parts(found, about)
        return {
            "labels": labelled(found.summary),
            "in_force": baselines.in_force(about),
            "statements": list(baselines.statements(about)),
            "baselines": (baselines.COLUMNS, baselines.table(found, about)),
            "parts_before": before[:2],
            "parts_after": [*before[2:], quality(found.of(By.MEASURED), about)],
            "words": WORDS,
            "not_counted": NOT_COUNTED,
            "prices": (OF_PRICES, list(_prices(about, found.summary, timezone.now()))),
            "addresses": list(_addresses(about)),
            "exports": about.workflow and reverse("admin:workflows_workflow_exports", args=[about.workflow.pk]),
            "workflows": [] if about.workflow else about.project.workflows.order_by("name")[:100],
        }


def _prices(about: Asked, summary: Summary, now: datetime) -> Iterator[list[Cell]]:
    """Of the models of the tiers and of the baseline."""
    live = about.workflow and about.workflow.live
    map_ = live.tier_map if live else about.project.tier_map()
    for target in sorted({*map_.values(), *([summary.model] if summary.model else [])}):
        price = pricing.price(about.project.pk, target, now, prompt_tokens=1)
        rates = [getattr(price, name) if price else None for name in RATES]
        cells = [Cell(NOTHING if one is None else usd_text(one), is_number=True) for one in rates]
        stated = (
            "nobody"
            if price is None
            else "the project"
            if price.source == "project"
            else f"{price.source} {price.version}"
        )
        yield [Cell(target), *cells, Cell(day(_since(about.project, target, now))), Cell(stated)]


def _since(project: Project, target: str, now: datetime) -> date | None:
    provider, _, model = target.partition(":")
    own = pricing.own_price(project.pk, provider, model, now.date())
    return own.valid_from if own else listed_since(provider_of(project.pk, provider).price_list, model, now)


def _addresses(about: Asked) -> Iterator[tuple[str, str]]:
    """What can be asked of the API with the filters of this page."""
    of = f"/api/v1/workflows/{about.workflow.name}/" if about.workflow else "/api/v1/"
    days = {name: text for name, text in about.kept.items() if name in ("since", "until", "simulated")}
    costs, rows = urlencode(about.kept), urlencode(days)
    yield f"GET {of}costs{'?' + costs if costs else ''}", "every figure of this page, exactly"
    yield f"GET {of}waterfall{'?' + costs if costs else ''}", "where the savings come from, part by part"
    yield (
        f"GET {of}exports/calls{'?' + rows if rows else ''}",
        "every call with its tokens, its price and its cost, as CSV or JSON",
    )
