"""What designs add to the pages of a workflow: its designs, and the page on which what is live is redesigned from its flags."""

from collections.abc import Sequence

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from evaluations.pages.workflow import TriedWorkflowAdmin
from projects.audited import actor
from projects.models import Role
from wire.money import to_usd, usd_text
from wire.problems import Problem
from workflows.models import Workflow
from workflows.pages.workflow import LARGE

from .. import brief, group_order, redesigning
from ..group_models import Group
from ..group_order import Weighed
from ..models import Design
from .beginning import begun, priced, terms_of
from .brief_form import CostForm

SALT = "designs.redesign"
DESIGNS = 10  # of the newest
GROUPS = 100  # that are offered: those most worth deciding


class RedesignForm(CostForm):
    groups = forms.MultipleChoiceField(
        error_messages={
            "required": "Choose one group at least.",
            "invalid_choice": "One of them is not offered any more: choose again.",
        }
    )
    note = forms.CharField(
        label="What you say to it",
        required=False,
        max_length=brief.MAX_NOTE,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80}),
        help_text="What the flags do not say: how such a case is to be decided from now on, by which rule, or what must not "
        "change.",
    )

    def __init__(self, offered: Sequence[Weighed], *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.fields["groups"].choices = [(str(one.group.pk), str(one.group)) for one in offered]

    @property
    def rest(self) -> list[forms.BoundField]:
        return [self[name] for name in ("note", "budget", "max_rounds", "target")]

    def asked(self, workflow: Workflow) -> redesigning.Asked:
        found = {
            str(one.pk): one for one in Group.objects.filter(workflow=workflow, pk__in=self.cleaned_data["groups"])
        }
        groups = [found[pk] for pk in self.cleaned_data["groups"] if pk in found]
        return redesigning.Asked(workflow, groups, note=self.cleaned_data["note"], **self.cost())


class DesignedWorkflowAdmin(TriedWorkflowAdmin):
    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.redesign)
        return [path("<path:object_id>/redesign/", view, name="workflows_workflow_redesign"), *super().get_urls()]

    def shown(self, request: HttpRequest, workflow: Workflow) -> dict[str, object]:
        rows = workflow.designs.order_by("-pk").select_related("draft", "base")
        large = (f"{of}__{name}" for of in ("draft", "base") for name in LARGE)
        rows = rows.defer("brief", "examples", "answer", "figures", *large)
        again = workflow.designs.filter(kind=Design.Kind.DESIGN, purged_at=None).order_by("-pk")
        return {
            **super().shown(request, workflow),
            "its_designs": rows[:DESIGNS],
            "its_brief": again.values_list("pk", flat=True).first(),
            "open_groups": workflow.groups.open().count(),
        }

    def redesign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Which groups, and what it would cost; then it begins."""
        workflow = self.found(request, object_id, Role.DESIGNER)
        offered, refused = group_order.listed([workflow])[:GROUPS], _refused(workflow)
        form, shown = RedesignForm(offered, request.POST or None, initial=_initial(request)), {}
        if request.method == "POST" and not refused and form.is_valid():
            try:
                ready = redesigning.examine(form.asked(workflow), actor(request))
                chosen = sorted(form.cleaned_data["groups"])
                terms = terms_of(ready.design, chosen, form.cleaned_data["note"])
                pk = begun(request, ready.design, terms, SALT, lambda: redesigning.begin(ready))
                if pk is not None:
                    return redirect("admin:designs_design_change", pk)
                shown = priced(ready.design, redesigning.request(ready.design, []), terms, SALT)
            except Problem as problem:
                form.refused(problem)
        back = reverse("admin:workflows_workflow_change", args=[workflow.pk])
        ticked = form["groups"].value() or []
        shown |= {"form": form, "refused": refused, "back": back, "live": workflow.live and workflow.live.version}
        shown["waiting"] = _waiting(workflow)
        shown["groups"] = [(one, str(one.group.pk) in ticked) for one in offered]
        title = f"Redesign {workflow.name} from its flags"
        return self.rendered(request, "admin/designs/redesign.html", workflow, title, **shown)


def _refused(workflow: Workflow) -> list[str]:
    try:
        workflow.must_be_in_use()
        redesigning.base_of(workflow)
    except Problem as problem:
        return [problem.detail]
    return []


def _waiting(workflow: Workflow) -> Design | None:
    """The last redesign, where something of it may still go live."""
    last = workflow.designs.filter(kind=Design.Kind.REDESIGN).select_related("draft").order_by("-pk").first()
    if last is None or (last.draft is None and not last.is_to_come):
        return None
    return None if last.draft and last.draft.publications.exists() else last


def _initial(request: HttpRequest) -> dict[str, object]:
    return {
        "groups": request.GET.getlist("group"),
        "budget": usd_text(to_usd(redesigning.BUDGET)),
        "max_rounds": redesigning.Asked.max_rounds,
    }


admin.site.unregister(Workflow)
admin.site.register(Workflow, DesignedWorkflowAdmin)
