"""The pages in a browser: everything on them works under the policy that allows nothing inline."""

import asyncio
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from analytics.models import UsageImport
from designs.models import Design, Group
from evaluations.models import Case, Evaluation, Replay, TierSearch
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from notifications.models import Endpoint
from projects.models import Project, Tool
from shadows.models import Shadow
from tests.browser import CHROMIUM, Browser, browse
from tests.cast import make_project, models_answer
from tests.designs.designed import begin, complete, design_answer
from tests.neighbours import execution, models_say, populate
from workflows.models import Version, Workflow

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    pytest.mark.django_db(transaction=True),
]

MODELS = (
    "projects/project",
    "projects/apikey",
    "projects/tool",
    "gateway/ownprice",
    "gateway/limit",
    "gateway/call",
    "workflows/workflow",
)
MODELS += ("gateway/ownprice/in-force", "projects/provider", "projects/auditevent", "workflows/budget")
MODELS += ("workflows/version", "executions/execution", "executions/flag", "auth/user", "notifications/delivery")
MODELS += ("notifications/endpoint", "evaluations/evaluation", "evaluations/gate", "evaluations/case")
MODELS += ("shadows/shadow", "shadows/plan")
MODELS += ("evaluations/tiersearch", "evaluations/replay", "designs/group", "designs/design")
MODELS += ("analytics/usageimport",)
KINDS = (Project, Workflow, Version, Execution, Flag, Evaluation, Case, TierSearch, Replay, Group, Design, UsageImport)
READ = ("change", "publish", "diff", "try", "evaluate", "search-tiers")  # of a version
OF_WORKFLOW = ("change", "escalation", "learning", "add-case", "import-cases", "export-cases", "redesign")
OF_DESIGN = ("change", "answer", "cancel", "budget")
OF_CASE = ("change", "replace", "confirm", "retire")


@pytest.fixture
def cookies() -> dict[str, str]:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


def host(live_server) -> str:
    return urlsplit(live_server.url).hostname


def test_the_docs_of_the_api_are_drawn_from_the_schema(live_server, tmp_path):
    drawn = "document.querySelector('#operations-flags-get_flags button')"
    opened = f"{drawn}.click()"

    said = "document.body.innerText.includes('The flags of the project, newest first')"

    async def visit(browser: Browser) -> None:
        page = await browser.open(f"{live_server.url}/api/docs/", until=drawn, then=opened, shown=said)
        assert "OAS 3.1" in page.text
        assert page.complaints == []

    browse(tmp_path, visit, {}, host(live_server))


def test_the_admin_works_under_its_policy(live_server, tmp_path, cookies):
    models_say("rosa")
    populate("rosa", "refund")
    ids = {model: model.objects.order_by("pk").first().pk for model in KINDS}
    flag = ids[Flag]
    paths = ["", *(f"{model}/" for model in MODELS), "password_change/", "queue/", f"queue/{flag}/"]
    paths += [f"projects/project/{ids[Project]}/change/", f"executions/execution/{ids[Execution]}/change/"]
    endpoint = f"notifications/endpoint/{Endpoint.objects.get().pk}"
    paths += [f"workflows/workflow/{ids[Workflow]}/{page}/" for page in OF_WORKFLOW]
    paths += [f"evaluations/case/{ids[Case]}/{page}/" for page in OF_CASE]
    paths += [f"analytics/usageimport/{ids[UsageImport]}/change/"]
    paths += [f"evaluations/tiersearch/{ids[TierSearch]}/{page}/" for page in ("change", "cancel", "budget")]
    paths += ["designs/design/begin/", *(f"designs/design/{ids[Design]}/{page}/" for page in OF_DESIGN)]
    paths += [f"workflows/version/{ids[Version]}/{page}/" for page in READ]
    paths += [f"executions/execution/{ids[Execution]}/{page}/" for page in ("cancel", "retry", "make-case")]
    paths += [f"{endpoint}/{page}/" for page in ("change", "secret", "test")]
    paths += [f"evaluations/evaluation/{ids[Evaluation]}/{page}/" for page in ("change", "cancel", "budget")]
    paths += [f"evaluations/replay/{ids[Replay]}/{page}/" for page in ("change", "cancel", "budget")]
    paths += [f"shadows/shadow/{Shadow.objects.get().pk}/change/", f"shadows/plan/{ids[Workflow]}/change/"]
    paths += [f"evaluations/gate/{ids[Workflow]}/change/", f"designs/group/{ids[Group]}/change/"]
    tool = f"projects/tool/{Tool.objects.get(kind='schema').pk}"
    paths += [f"{tool}/change/", f"{tool}/try/", "projects/tool/add/", "projects/tool/add/?kind=http"]
    paths += [
        "projects/project/add/",
        "projects/apikey/add/",
        "notifications/endpoint/add/",
        "gateway/limit/add/",
        "auth/user/add/",
        "nothing/",
    ]

    async def visit(browser: Browser) -> None:
        for path in paths:
            page = await browser.open(f"{live_server.url}/admin/{path}")
            expected = ("favicon.ico", "/admin/nothing/")
            complaints = [one for one in page.complaints if not one.endswith(expected)]
            assert (path, complaints) == (path, [])
            assert "Workflow Memory" in page.text
        # The scripts run: a calendar is there to be opened, and its day is taken.
        calendar = "document.querySelector('.datetimeshortcuts a').click()"
        page = await browser.open(
            f"{live_server.url}/admin/gateway/ownprice/add/",
            until="document.querySelector('.datetimeshortcuts a')",
            then=calendar,
        )
        assert page.complaints == []
        assert len(await browser.evaluate("document.querySelector('#id_valid_from').value")) == len("2026-11-23")

    browse(tmp_path, visit, cookies, host(live_server))


def test_no_page_moves_sideways_on_a_telephone(live_server, tmp_path, cookies):
    """What is too wide moves by itself."""
    models_say("rosa")
    populate("rosa", "refund")
    version = Version.objects.latest("pk")
    flagged = Execution.objects.filter(flags__isnull=False).earliest("pk")
    paths = ["", "executions/execution/", "workflows/version/", "evaluations/case/", "evaluations/tiersearch/"]
    paths += [f"workflows/workflow/{version.workflow_id}/{page}/" for page in OF_WORKFLOW]
    paths += [f"evaluations/case/{Case.objects.latest('pk').pk}/{page}/" for page in OF_CASE]
    paths += [f"evaluations/tiersearch/{one.pk}/change/" for one in TierSearch.objects.all()]
    paths += [f"workflows/version/{version.pk}/{page}/" for page in READ]
    paths += [f"executions/execution/{flagged.pk}/{page}/" for page in ("change", "make-case")]
    paths += [f"evaluations/evaluation/{one.pk}/change/" for one in Evaluation.objects.all()]
    paths += [f"evaluations/replay/{one.pk}/change/" for one in Replay.objects.all()]
    paths += ["shadows/shadow/", *(f"shadows/shadow/{one.pk}/change/" for one in Shadow.objects.all())]
    paths += [f"shadows/plan/{version.workflow_id}/change/"]
    paths += ["designs/group/", *(f"designs/group/{one.pk}/change/" for one in Group.objects.all())]
    paths += ["designs/design/", "designs/design/begin/"]
    paths += [f"designs/design/{one.pk}/{page}/" for one in Design.objects.all() for page in ("change", "answer")]
    paths += ["evaluations/evaluation/", f"evaluations/gate/{version.workflow_id}/change/"]
    unfold = "document.querySelectorAll('details').forEach(one => one.open = true)"

    async def visit(browser: Browser) -> None:
        window = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        await browser.command("Emulation.setDeviceMetricsOverride", **window)
        for path in paths:
            await browser.open(f"{live_server.url}/admin/{path}", then=unfold)
            assert (path, await browser.evaluate("document.documentElement.scrollWidth")) == (path, 390)

    browse(tmp_path, visit, cookies, host(live_server))


def test_the_page_of_an_execution_follows_it(live_server, tmp_path, cookies):
    models_say("rosa")
    workflow = populate("rosa", "refund")
    moving = execution(workflow, "rosa", "rosa wants a refund", advance=False)
    ended = "document.body.innerText.includes('It is done.')"

    async def visit(browser: Browser) -> None:
        page = await browser.open(f"{live_server.url}/admin/executions/execution/{moving.pk}/change/")
        assert "It waits in the queue for a worker." in page.text
        await browser.evaluate("window.same = true")  # it is not loaded anew
        await asyncio.to_thread(advance, moving)
        for _ in range(100):
            if await browser.evaluate(ended):
                break
            await asyncio.sleep(0.1)
        await browser.evaluate("document.querySelector('[data-unfold]').click()")
        assert await browser.evaluate("document.querySelectorAll('ol.steps > li > details[open]').length") == 2
        assert await browser.evaluate("window.same && !document.querySelector('[data-follow]')")

    browse(tmp_path, visit, cookies, host(live_server))


def test_the_page_of_a_design_follows_it(live_server, tmp_path, cookies):
    models_answer({"text": design_answer()})
    moving = begin(make_project())
    ended = "document.body.innerText.includes('The draft 1.0.0 is there')"

    async def visit(browser: Browser) -> None:
        page = await browser.open(f"{live_server.url}/admin/designs/design/{moving.pk}/change/")
        assert "It waits for a worker, which asks the frontier." in page.text
        await browser.evaluate("window.same = true")  # it is not loaded anew
        await asyncio.to_thread(design, moving)
        for _ in range(100):
            if await browser.evaluate(ended):
                break
            await asyncio.sleep(0.1)
        assert await browser.evaluate("window.same && !document.querySelector('[data-follow]')")

    browse(tmp_path, visit, cookies, host(live_server))


def design(one: Design) -> None:
    complete(one)
    connection.close()


def advance(execution: Execution) -> None:
    plain.advance(execution.pk, worker.current())
    connection.close()


def test_a_script_inside_a_page_does_not_run(live_server, tmp_path):
    """Else the tests above could not fail."""
    inline = (
        "const one = document.createElement('script'); one.textContent = 'window.ran = true'; document.body.append(one)"
    )

    async def visit(browser: Browser) -> None:
        page = await browser.open(f"{live_server.url}/admin/login/", then=inline)
        assert await browser.evaluate("window.ran") is None
        assert any("script-src" in one for one in page.complaints)

    browse(tmp_path, visit, {}, host(live_server))
