"""The pages of a workflow, and those of a project: what stands above each of them."""

from typing import NamedTuple

from .asking import Asked


class Tab(NamedTuple):
    label: str
    address: str
    here: bool


OF_PROJECT = {"portfolio": "Portfolio", "advice": "Advice", "method": "Method"}
OF_WORKFLOW = {
    "workflow": "Savings",
    "versions": "Versions",
    "steps": "Steps and tiers",
    "shadows": "Shadows",
    "what-if": "What-if",
    "advice": "Advice",
    "method": "Method",
}


def tabs(about: Asked, here: str) -> list[Tab]:
    pages = OF_WORKFLOW if about.workflow else OF_PROJECT
    return [Tab(label, about.to(name), name == here) for name, label in pages.items()]
