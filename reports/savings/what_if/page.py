"""The what-if page: what the last days say of those to come, and what the recorded executions would have cost otherwise."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from analytics.pages.saying import AGAINST
from analytics.projection import what_if
from analytics.projection.projecting import project
from gateway.price_table import price_table
from wire.money import to_pico
from wire.problems import Invalid

from ...charts.compared import STEPS, by_step, compared
from ...charts.design_share import design_share
from ...headline import is_empty
from ..asking import COMMON, Asked
from ..filtering import scope
from ..lead import labelled
from ..page import Page
from ..payback import payback
from .answered import answered
from .outlook import OF_PAYBACK, OF_PERIODS, pace_said, payback_table, periods_table, says_a_month
from .question import Form, form_of, suggestions


class WhatIf(Page):
    name, heading, template = "what-if", "What-if", "what_if.html"
    filters = {name: one for name, one in COMMON.items() if name != "subject"}

    def answer(self, request: HttpRequest, about: Asked) -> HttpResponse:
        self.now = timezone.now()
        self.form = form_of(about.extent, request.GET.dict(), self.now)
        return super().answer(request, about)

    def shown(self, about: Asked) -> dict[str, object]:
        outlook = project(about.extent, about.method, self.now.date())
        life = outlook.life
        design = to_pico(life.balance.design_cost) if life.balance.complete else None
        found = _found(about, self.form, self.now)
        return {
            "scope": scope(about, self.filters, outlook.recent.extent if outlook.pace.days else None),
            "pace": pace_said(outlook, about),
            "completed": outlook.pace.completed,
            "payback": "" if is_empty(life) else payback(outlook),
            "month": says_a_month(outlook),
            "labels": labelled(life),
            "against": AGAINST[life.method].format(model=life.model or "the frontier model"),
            "share": design_share(design, outlook.pace),
            "periods": (OF_PERIODS, periods_table(outlook, about)),
            "paybacks": (OF_PAYBACK, list(payback_table(outlook, about))),
            "form": self.form,
            "suggestions": _suggested(about, self.now),
            "carried": about.kept,
            "found": found,
            "answer": found and answered(found, self.form),
            "chart": found and found.n and compared(found),
            "steps": found and (STEPS, by_step(found)),
            "calls": about.to("calls", figure="execution_cost"),
        }


def _found(about: Asked, form: Form, now: datetime) -> what_if.Found | None:
    """Only where something is asked, and it can be read."""
    if not form.asks or not form.is_sound:
        return None
    try:
        return what_if.ask(about.extent, about.method, form.question(), form.volume_a_month(), now)
    except Invalid as problem:
        form.refuse(problem)
        return None


def _suggested(about: Asked, now: datetime) -> list[tuple[str, str]]:
    return suggestions(price_table(about.project, now), about.project.tier_map().values())
