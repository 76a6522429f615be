"""The pages in a browser: everything on them works under the policy that allows nothing inline, fits every window, and is for
everybody."""

from collections.abc import Callable

import pytest
from django.contrib import admin

from analytics.models import UsageImport
from designs.models import Design, Group
from evaluations.models import Case, Evaluation, Replay, TierSearch
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from notifications.models import Delivery, Endpoint
from projects.models import Project, Tool
from reports.models import Digest
from shadows.models import Shadow
from tests.browser import accessible, looked_at
from tests.cast import make_project, member, models_answer
from tests.designs.designed import begin, complete, design_answer
from tests.neighbours import execution, models_say, populate
from workflows.models import Version, Workflow

pytestmark = pytest.mark.django_db(transaction=True)

ANYWHERE = ("", "queue/", "gateway/ownprice/in-force/", "password_change/")
LISTS = ("executions/execution", "executions/flag", "gateway/ownprice", "designs/design", "designs/group")
LISTS += ("evaluations/case",)
ADDED = ("projects/project", "projects/apikey", "projects/tool", "notifications/endpoint", "gateway/limit", "auth/user")
ADDED += ("gateway/ownprice",)
OF_VERSION = ("change", "publish", "diff", "try", "evaluate", "search-tiers")
OF_WORKFLOW = ("change", "escalation", "learning", "add-case", "import-cases", "export-cases", "redesign")
OF_EXECUTION = ("change", "cancel", "retry", "make-case")
OF_DESIGN = ("change", "answer", "cancel", "budget")
OF_CASE = ("change", "replace", "confirm", "retire")
WHILE_IT_RUNS = ("change", "cancel", "budget")

# What stays as Django's admin has it, and why.
STOCK = {
    "label-title-only at #searchbar": "a picture of a lens, with the text Search, is its label",
    "empty-table-header at *.original": "above the name of a row there, which spans the fields",
}


def lists() -> list[str]:
    """Those that are more than a list of Django's, and what stands before them."""
    return [*ANYWHERE, *(f"{one}/" for one in LISTS)]


def forms() -> list[str]:
    tool = f"projects/tool/{Tool.objects.get(kind='schema').pk}"
    paths = [f"{one}/add/" for one in ADDED] + ["projects/tool/add/?kind=http", f"{tool}/change/", f"{tool}/try/"]
    paths += [f"projects/project/{Project.objects.earliest('pk').pk}/change/", "designs/design/begin/"]
    paths += [f"notifications/endpoint/{Endpoint.objects.get().pk}/{page}/" for page in ("change", "secret", "test")]
    return [*paths, *each(Delivery), *each(Digest)]


def of_executions() -> list[str]:
    one, flag = Execution.objects.earliest("pk"), Flag.objects.earliest("pk")
    paths = [f"executions/execution/{one.pk}/{page}/" for page in OF_EXECUTION] + [f"queue/{flag.pk}/"]
    paths += [f"executions/execution/{flag.execution_id}/{page}/" for page in ("change", "make-case")]
    return [*paths, *each(UsageImport)]


def of_workflows() -> list[str]:
    workflow, version = Workflow.objects.earliest("pk"), Version.objects.latest("pk")
    paths = [f"workflows/workflow/{workflow.pk}/{page}/" for page in OF_WORKFLOW]
    paths += [f"workflows/version/{version.pk}/{page}/" for page in OF_VERSION]
    paths += [f"designs/design/{Design.objects.earliest('pk').pk}/{page}/" for page in OF_DESIGN]
    paths += [f"designs/design/{one.pk}/{page}/" for one in Design.objects.all() for page in ("change", "answer")]
    return [*paths, *each(Group)]


def of_evaluations() -> list[str]:
    workflow = Workflow.objects.earliest("pk")
    paths = [f"evaluations/gate/{workflow.pk}/change/", f"shadows/plan/{workflow.pk}/change/"]
    paths += [f"evaluations/case/{Case.objects.latest('pk').pk}/{page}/" for page in OF_CASE]
    for kind in (TierSearch, Evaluation, Replay):
        first = f"evaluations/{kind._meta.model_name}/{kind.objects.earliest('pk').pk}"
        paths += [f"{first}/cancel/", f"{first}/budget/", *each(kind)]
    return [*paths, *each(Shadow)]


def each(kind: type) -> list[str]:
    address = f"{kind._meta.app_label}/{kind._meta.model_name}"
    return [f"{address}/{one.pk}/change/" for one in kind.objects.all()]


@pytest.mark.parametrize("paths", [lists, forms, of_executions, of_workflows, of_evaluations])
def test_every_page_of_the_admin(opened, paths: Callable[[], list[str]]):
    """Nothing complains, nothing moves sideways, and everybody can read it."""
    models_say("rosa")
    populate("rosa", "refund")
    page = opened("/admin/", member(is_superuser=True))
    for path in paths():
        page.open(f"/admin/{path}")
        assert "Workflow Memory" in page.text
        page.unfold()
        looked_at(page)
        accessible(page, STOCK)


def test_every_list_of_the_admin_works_under_its_policy(opened):
    models_say("rosa")
    populate("rosa", "refund")
    page = opened("/admin/", member(is_superuser=True))
    for kind in admin.site._registry:
        page.open(f"/admin/{kind._meta.app_label}/{kind._meta.model_name}/")
        assert "Workflow Memory" in page.text
        assert page.complaints == []
    page.open("/admin/nothing/")
    assert "404" in page.complaints.pop()


def test_the_docs_of_the_api_are_drawn_from_the_schema(opened):
    page = opened("/api/docs/")
    page.until("document.querySelector('#operations-flags-get_flags button')")
    page.evaluate("document.querySelector('#operations-flags-get_flags button').click()")
    page.reads("The flags of the project, newest first")
    assert "OAS 3.1" in page.text


def test_a_calendar_is_there_to_be_opened(opened, db):
    """The scripts of the admin run under the policy."""
    page = opened("/admin/gateway/ownprice/add/", member(is_superuser=True))
    page.until("document.querySelector('.datetimeshortcuts a')")
    page.evaluate("document.querySelector('.datetimeshortcuts a').click()")
    assert len(page.evaluate("document.querySelector('#id_valid_from').value")) == len("2026-11-23")


def test_the_page_of_an_execution_follows_it(opened):
    models_say("rosa")
    workflow = populate("rosa", "refund")
    moving = execution(workflow, "rosa", "rosa wants a refund", advance=False)
    page = opened(f"/admin/executions/execution/{moving.pk}/change/", member(is_superuser=True))
    assert "It waits in the queue for a worker." in page.text
    page.evaluate("window.same = true")  # it is not loaded anew
    plain.advance(moving.pk, worker.current())
    page.reads("It is done.")
    page.evaluate("document.querySelector('[data-unfold]').click()")
    assert page.evaluate("document.querySelectorAll('ol.steps > li > details[open]').length") == 2
    assert page.evaluate("window.same && !document.querySelector('[data-live]')")


def test_the_page_of_a_design_follows_it(opened):
    models_answer({"text": design_answer()})
    moving = begin(make_project())
    page = opened(f"/admin/designs/design/{moving.pk}/change/", member(is_superuser=True))
    assert "It waits for a worker, which asks the frontier." in page.text
    page.evaluate("window.same = true")  # it is not loaded anew
    complete(moving)
    page.reads("The draft 1.0.0 is there")
    assert page.evaluate("window.same && !document.querySelector('[data-live]')")
