"""The mail of a summary: the sentence, the figures, and where to go on; as plain text and as simple HTML."""

import re
from datetime import date
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string

from notifications.models import Endpoint

from .periods import Period

# Figure → what it is called. What is unknown is said to be so.
FIGURES = {
    "executions": "Executions accepted",
    "completed": "Completed",
    "execution_cost": "Execution",
    "design_cost": "Design and redesign",
    "evaluation_cost": "Evaluation",
    "shadow_cost": "Shadows",
    "in_doubt_cost": "In doubt",
    "total_cost": "Total cost",
    "if_all_frontier": "If all frontier",
    "savings": "Savings",
    "roi_percent": "Return on cost",
    "cost_per_completed": "Cost per completed",
    "escalation_rate": "Escalation rate",
}
COUNTS = ("executions", "completed")


def letter(endpoint: Endpoint, told: dict[str, Any]) -> EmailMessage:
    """Of what a webhook is told too. Its id is the same however often it is sent, so a mail program shows it once."""
    data = told["data"]
    about = data["workflow"] or "the whole project"
    test = "Test: " if data["test"] else ""
    days = str(Period(date.fromisoformat(data["since"]), date.fromisoformat(data["until"])))
    shown = {
        "data": data,
        "days": days,
        "about": about,
        "project": endpoint.project.name,
        "figures": [(called, _figure(name, data["summary"][name])) for name, called in FIGURES.items()],
        "settings_page": f"{settings.PUBLIC_URL}/admin/reports/digest/{data['digest']}/change/",
    }
    subject = f"[{endpoint.project.name}] {test}{about}, {days}: {data['headline']}"
    subject = " ".join(subject.split())[:200]  # one line, whatever is in a name
    mail = EmailMultiAlternatives(
        subject,
        render_to_string("reports/summary.txt", shown),
        to=[endpoint.address],
        headers={"Message-ID": _message_id(endpoint, told)},
    )
    mail.attach_alternative(render_to_string("reports/summary.html", shown), "text/html")
    return mail


def _message_id(endpoint: Endpoint, told: dict[str, Any]) -> str:
    data = told["data"]
    once = re.sub(r"\D", "", told["timestamp"]) if data["test"] else f"{data['since']}.{data['until']}"
    return f"<{data['digest']}.{once}.{endpoint.pk}@workflow-memory>"


def _figure(name: str, value: Any) -> str:
    if value is None:
        return "unknown"
    if name in COUNTS:
        return f"{value:,}"
    if name == "roi_percent":
        return f"{value}%"
    return value if name == "escalation_rate" else f"{value} USD"
