"""The page of a version: what it says, why it is so, what differs from another one, and where it goes live."""

from collections.abc import Iterator
from dataclasses import dataclass

import semver
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import OwnFilter, pretty, usd
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ReadableAdmin, readable
from wire.problems import Conflict, Invalid, Problem

from .. import closing, diff, gate
from ..calls import pins
from ..models import Publication, Version, Workflow
from ..prompts import PROMPT_FORMAT
from . import definition

OTHERS = 50  # versions that are offered to be compared with, and publications that are told
MOST_LINES = 4_000
LONGEST_REASON = 2_000  # as the API takes it
LINES = {"+": "added", "-": "removed", "@": "where"}


@dataclass(frozen=True)
class Line:
    """A line of a unified diff, which says by its first letter what it is; `kind` says it to the style sheet."""

    text: str
    kind: str


def state_of(version: Version, live: Publication | None) -> str:
    """live, was live, or draft. Its publications are read from memory where they are there."""
    if live and live.version_id == version.pk:
        return "live"
    return "was live" if version.publications.all() else "draft"


def verb(state: str) -> str:
    """What publishing is called for a version of this state."""
    return {"live": "Publish again", "was live": "Roll back to this version", "draft": "Publish"}[state]


class VersionAdmin(ReadableAdmin):
    of_project = "workflow__project"
    page = "admin/workflows/version/page.html"
    list_display = ["__str__", "title", "designed_by", "declared_cost", "created_at"]
    list_filter = [("workflow__project", OwnFilter), ("workflow", OwnFilter)]
    list_select_related = ["workflow"]
    search_fields = ["workflow__name", "number"]
    ordering = ["-pk"]
    paginator = Bounded

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("workflow__project", "workflow__live__version")

    def get_urls(self) -> list:
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"workflows_version_{word}")
            for word, view in (("publish", self.publish), ("diff", self.compare))
        ]
        return [*of_row, *super().get_urls()]

    def shown(self, request: HttpRequest, version: Version) -> dict[str, object]:
        publications = list(version.publications.order_by("-pk")[:OTHERS])
        state = state_of(version, version.workflow.live)
        return {
            "workflow": version.workflow,
            "state": state,
            "verb": verb(state),
            "designs": self.may(request, Role.DESIGNER, version),
            "definition": definition.shown(version.definition),
            "constants": readable(version.definition.get("constants", {})),
            "result": readable(version.definition["result"]) if "result" in version.definition else "",
            "context": readable(version.design_context),
            "design_cost": usd(version.design_cost),
            "closes": (version.resolves or [])[:OTHERS],
            "publications": publications,
            "others": _others(version),
        }

    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes it live, once whoever may has said so again."""
        version = self.found(request, object_id, Role.DESIGNER)
        state = state_of(version, version.workflow.live)
        tier_map, refused = _models(version)
        evidence, missing = (None, None) if refused else _evidence(version)
        override = request.POST.get("override", "").strip()
        back = reverse("admin:workflows_version_change", args=[version.pk])

        def do() -> str:
            version.must_be_publishable()
            if len(override) > LONGEST_REASON:
                raise Invalid.at("/override", f"At most {LONGEST_REASON} characters.")
            version.publish(actor(request), override if missing else "")
            return f"{version} is live: executions that are accepted from now on are of it."

        more = {
            "said": [*_before_publishing(version, state, evidence), *([] if refused else _closing(version))],
            "rows": tier_map.items(),
            "columns": ("Tier", "Model"),
            "caption": "The models it runs with",
            "softer": self.softer(version),
            "refused": refused,
            "missing": missing,
            "override": override,
            "longest": LONGEST_REASON,
            "button": f"{verb(state)} all the same" if missing else verb(state),
            "template": "admin/workflows/version/publish.html",
        }
        return self.confirmed(request, version, do, back=back, title=f"{verb(state)}: {version}", **more)

    def softer(self, version: Version) -> dict[str, object] | None:
        """What a person should have read before it goes live: `than`, a number; `several`, each with pointer and `said`; `more`,
        how many are left out. Where versions come from is known above: nothing here."""
        return None

    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What changed from another version of the workflow to this one; from the one stored before it, unless it is named."""
        version = self.found(request, object_id)
        others, number = version.workflow.versions.exclude(pk=version.pk), request.GET.get("from")
        if number and not semver.Version.is_valid(number):
            raise Http404
        other = others.filter(number=number) if number else others.filter(pk__lt=version.pk).order_by("-pk")
        if (first := other.first()) is None and number:
            raise Http404
        shown = {"first": first, "others": _others(version), "workflow": version.workflow}
        if first is not None:
            shown["difference"] = differences(first, version)
        return self.rendered(
            request, "admin/workflows/version/diff.html", version, f"What changed in {version}", **shown
        )

    def declared_cost(self, version: Version) -> str:
        return usd(version.design_cost)

    declared_cost.short_description = "declared design cost"


def differences(first: Version, version: Version) -> dict[str, object]:
    """What `admin/workflows/version/changes.html` shows: place by place, and as text."""
    changes, complete = diff.changes(first.definition, version.definition)
    text = diff.text(first.definition, version.definition, (f"{first}", f"{version}")).splitlines()
    return {
        "changes": [_change(one) for one in changes],
        "complete": complete,
        "lines": list(_lines(text)),
        "all_lines": len(text) <= MOST_LINES,
    }


def _others(version: Version) -> list[str]:
    """Numbers of the workflow's other versions, newest first."""
    others = version.workflow.versions.exclude(pk=version.pk).order_by("-pk")
    return list(others.values_list("number", flat=True)[:OTHERS])


def _models(version: Version) -> tuple[dict[str, str], list[str]]:
    """The models that it would be executed with, and why it cannot be made live."""
    try:
        version.must_be_publishable()
        return version.tiers(), []
    except Problem as problem:
        return {}, [problem.detail]


def _evidence(version: Version) -> tuple[gate.Evidence | None, Conflict | None]:
    """On what it would go live at this moment, or what the gate misses."""
    try:
        return gate.judge(gate.Wanted(version, version.tiers(), pins(version) or None, PROMPT_FORMAT)), None
    except Conflict as problem:
        return None, problem


def _before_publishing(version: Version, state: str, evidence: gate.Evidence | None) -> Iterator[str]:
    workflow: Workflow = version.workflow
    if state == "live":
        yield f"{version} is live already. Publishing it again makes it run with the models below, as the project has them now."
    elif workflow.live:
        yield f"{workflow.live.version} is live now. Executions that were accepted of it end as they began."
    else:
        yield f"Nothing of {workflow} is live yet: from now on it can be executed."
    if evidence and evidence.evaluation:
        page = reverse("admin:evaluations_evaluation_change", args=[evidence.evaluation])
        yield format_html('<a href="{}">An evaluation</a> that passed stands behind it.', page)
    else:
        yield "No evaluation stands behind it: what it saves is shown as unproven."
    if version.warnings:
        yield f"{len(version.warnings)} places were doubtful when it was saved; its page lists them."


def _closing(version: Version) -> Iterator[str]:
    """What it would close at this moment."""
    if not version.resolves:
        return
    found, listed = closing.foretell(version), len(version.resolves)
    yield f"It closes {found.flags} flag{'' if found.flags == 1 else 's'} of the {listed} that it lists."
    if found.run_again:
        yield f"Executions that wait and are run again on it, from the start: {found.run_again}. The old ones end cancelled."
    for why, count in found.left.items():
        yield f"Executions that go on waiting: {count}. {why}"


def _change(change: diff.Change) -> dict[str, object]:
    has = {"added": ("after",), "removed": ("before",), "changed": ("before", "after"), "moved": ()}[change.op]
    told = {side: _value(getattr(change, side)) if side in has else "" for side in ("before", "after")}
    moved = f"from place {change.before + 1} to {change.after + 1}" if change.op == "moved" else ""
    return {"op": change.op, "pointer": change.pointer, "about": change.about, "moved": moved, **told}


def _value(value: object) -> SafeString:
    """To the letter: a text as it is, anything else as JSON."""
    return format_html('<pre class="value">{}</pre>', value) if isinstance(value, str) else pretty(value)


def _lines(text: list[str]) -> Iterator[Line]:
    for line in text[:MOST_LINES]:
        yield Line(line, LINES.get(line[:1], "same"))
