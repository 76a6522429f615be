"""What comes from outside is inert: whatever stands in names, texts, inputs, outputs, explanations and notes is text on every page
of the admin, and JSON in every answer of the API. The pages are parsed: no element and no attribute comes from a text."""

import json
from datetime import date
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, reverse

from designs.grouping import gather
from designs.models import Design, Round
from designs.models import Group as FlagGroup
from evaluations import gate_rules
from evaluations.models import Case, Evaluation, Replay, TierSearch
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from executions.queue import submit
from gateway import pressure
from gateway.models import Call, Limit, OwnPrice
from gateway.providers.registry import register
from gateway.types import Completion, Rejected, Request, Usage
from notifications.models import Delivery, Endpoint
from projects import tools
from projects.models import Project, Scope
from projects.tools import ToolError
from reports.models import Digest
from reports.savings import urls
from shadows.models import Plan, Shadow
from tests.cast import REFUND, envelope, make_project
from tests.evaluations.evaluated import add_case, evaluate, replay
from tests.neighbours import BODIES, CALLS, client_of, filled
from workflows.models import Budget, Version, Workflow

pytestmark = pytest.mark.django_db

# Ends every context that a page could put it into, and says its own name in each way that a browser would obey.
HARM = (
    "\"'></textarea></pre></title></script>--></option><wm-harm onmouseover=wmharm()>{{7*7}}{% debug %}"
    "<script>wmharm()</script><img src=x onerror=wmharm()><a href=javascript:wmharm()>&lt;b&gt;\u202e]]>"
)
SHORT = '"><wm-harm onclick=wmharm()>'  # where there is little room
LINK = "javascript:wmharm()"


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.scripts = self.shown = ""
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.elements.append((tag, dict(attributes)))
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts += data
        else:
            self.shown += data


def assert_inert(text: str) -> bool:
    """Whether the harm is shown at all, as a text or as the value of a field; and that it is nothing else."""
    page = Page(text)
    shown = "wm-harm" in page.shown
    assert "wmharm" not in page.scripts
    for tag, attributes in page.elements:
        assert tag != "wm-harm"
        for name, value in attributes.items():
            assert not (name.startswith("on") and "wmharm" in (value or "")), (tag, name)
            assert name not in ("href", "src", "action", "formaction") or not (value or "").strip().lower().startswith(
                "javascript:"
            ), (
                tag,
                value,
            )
            assert "wm-harm" not in name
            shown = shown or "wm-harm" in (value or "")
    return shown


class Harmful:
    """A model that says it wherever it can."""

    protocol, simulated = "scripted", True

    async def complete(self, request: Request) -> Completion:
        if "reject" in request.user:
            raise Rejected(HARM)
        served = SHORT if "another" in request.user else request.model
        unsure = "unsure" in request.user
        said = envelope({"text": HARM, "more": {HARM: [HARM, LINK]}}, rationale=HARM, confidence=0.1 if unsure else 0.9)
        if "moon" in request.user:
            said = envelope(status="uncovered", uncovered=HARM, rationale=HARM)
        return Completion(said, served, Usage(input=10, output=10), provider_request_id=SHORT)


DEFINITION = {
    **REFUND,
    "title": HARM,
    "purpose": HARM,
    "guidance": HARM.replace("{{7*7}}", ""),
    "constants": {HARM: HARM},
    "edge_cases": [{"id": "harm", "case": HARM.replace("{{7*7}}", ""), "handling": "escalate", "note": HARM}],
    "covers": [{"check": "'nothing' not in input['message']", "message": HARM}],
    "steps": [
        {
            "id": "look",
            "kind": "tool",
            "tool": "harm.look",
            "note": HARM,
            "arguments": {"text": "input['message']"},
            "otherwise": None,
        },
        {
            "id": "say",
            "kind": "model",
            "tier": "cheap",
            "instructions": HARM,
            "prompt": "{{ input.message }}",
            "min_confidence": 0.5,
            "output_schema": {
                "type": "object",
                "description": HARM,
                "properties": {"text": {"type": "string"}, "more": {}},
            },
        },
    ],
    "result": "steps['say']",
    "output_schema": {"type": "object", "description": HARM},
}
HARMFUL_TOOLS = {
    "sql": {"source": SHORT, "query": HARM, "one": False, "max_rows": 1, "max_bytes": 1000},
    "http": {
        **{"method": "GET", "url": HARM, "hosts": [HARM], "headers": {HARM: HARM}, "response": "json"},
        **{"key_header": HARM, "max_bytes": 1000},
    },
    "schema": {"schema": {"type": "object", "description": HARM}},
    "text": {
        **{"mode": "find", "phrases": [HARM], "patterns": [{"name": HARM, "pattern": HARM}], "fold_case": True},
        **{"texts": [{"title": HARM, "text": HARM}], "whole_words": True, "max_found": 5},
    },
}
NONE = {"n": 0, "count": 0, "rate": None, "interval": None}
NO_TIME = {"p50": None, "p95": None}
SAVED = {"per_case": HARM, "percent": HARM}
TIER = {
    **{"model": HARM, "tiers": [HARM], "quality": NONE, "difference": None, "interval": None, "latency_ms": NO_TIME},
    **{"cost_per_case": HARM, "cost_per_right": HARM, "passed": False, "reasons": [HARM]},
    "evaluation": "00000000-0000-7000-8000-000000000000",
}
WAY = {
    **dict.fromkeys(("quality", "escalation_recall", "silent_failure", "answered_by_a_rung"), NONE),
    **{"cost_per_case": HARM, "cost_per_right": HARM, "latency_ms": NO_TIME, "saving": SAVED, "passed": False},
    "without_rungs": {"quality": NONE, "saving": SAVED},
}
EVIDENCE = {
    "steps": {HARM: {"now": HARM, "chosen": HARM, "moves": "up", "improves": True, "said": HARM, "models": [TIER]}},
    "ways": {"chosen": WAY},
}
MESSAGES = ["hello", "moon", "unsure", "nothing", "reject", "another model"]


@pytest.fixture
def project(monkeypatch) -> Project:
    """In which everything that can be said is harmful, and everything has been stored as it comes."""
    monkeypatch.setattr(tools, "_registry", tools.registered())

    @tools.tool(
        "harm.look", description=HARM, input_schema={"type": "object", "description": HARM, "properties": {"text": {}}}
    )
    def look(text: str) -> None:
        raise ToolError(HARM)

    register("scripted", Harmful())
    pressure._gates.clear()
    project = make_project()
    project.tools.create(name="harm.look")
    for kind, said in HARMFUL_TOOLS.items():
        takes = {"type": "object", "description": HARM, "properties": {HARM: {"examples": [HARM]}}}
        fields = {"kind": kind, "description": HARM, "settings": said, "input_schema": takes}
        project.tools.create(name=f"harm.{kind}", **fields)
    project.tool_variables.create(name=SHORT)
    project.tiers.filter(tier="standard").update(model=HARM)
    client = client_of(project, *Scope.values)
    body = {
        "name": "harm",
        "definition": DEFINITION,
        "changelog": HARM,
        "design_context": {HARM: [HARM]},
        "publish": True,
    }
    body |= {"designed_by": HARM[:200], "intelligence_level": SHORT}
    answer = client.post("/api/v1/workflows", body, "application/json")
    assert answer.status_code == 201, answer.content
    workflow = Workflow.objects.get()
    for message in MESSAGES:
        input, metadata = {"message": f"{message} {HARM}"}, {HARM: HARM}
        execution = submit(workflow.live.version, workflow.live, input, actor="test", metadata=metadata)
        plain.advance(execution.pk, worker.current())
    for state in Flag.objects.filter(reason="low_confidence"):
        body = {"resolution": "dismissed", "note": HARM}
        client.post(f"/api/v1/flags/{state.pk}/resolution", body, "application/json")
        plain.advance(state.execution_id, worker.current())
    gather()
    workflow.baselines.create(
        method="declared", model=f"scripted:{HARM}"[:250], valid_from=workflow.created_at, stated_by=HARM[:200]
    )
    Budget.objects.create(project=project, workflow=workflow, period="total", cap=10**12, stated_by=HARM[:200])
    OwnPrice.objects.create(
        project=project, provider="scripted", model=HARM[:200], valid_from=date.today(), input=1, output=1
    )
    said = {"note": HARM, "tags": [SHORT], "steps": {"say": {"text": HARM}}, "answers": {"look": HARM}}
    add_case(workflow, {"message": f"hello {HARM}"}, {"text": HARM}, **said)
    graders = [{"grade": "expression", "check": "False", "message": HARM}]
    gate_rules.state(workflow, {"graders": graders, "step_graders": {SHORT: graders}}, SHORT)
    evaluate(workflow.live.version, against="nothing")
    replay(workflow.live.version, flagged=True)
    told = {"candidates": {"say": [HARM]}, "tier_map": {HARM: HARM}, "rules": {HARM: HARM}, "evidence": EVIDENCE}
    told |= {"simulated": True, "status": "completed", "said": HARM, "chosen": {"say": HARM}, "created_by": SHORT}
    TierSearch.objects.create(project=project, workflow=workflow, version=workflow.live.version, **told)
    _design(workflow)
    _shadow(workflow)
    endpoint = Endpoint(project=project, kind="webhook", address=HARM, events=[HARM], disabled_because=SHORT)
    endpoint.created_by = SHORT
    endpoint.begin()
    Digest(project=project, workflow=workflow, created_by=SHORT).begin([endpoint])
    body = json.dumps({"type": HARM, "data": {HARM: HARM}})
    Delivery.objects.create(endpoint=endpoint, type="flag.waiting", body=body, answer=HARM, error=HARM[:300])
    Limit.objects.create(provider="scripted", model=HARM[:200], concurrent=1)
    worker.Worker.objects.update(name=HARM[:200])
    Group.objects.create(name=SHORT)
    return project


def _shadow(workflow) -> None:
    Plan.objects.create(workflow=workflow, enabled=False, monthly_budget=1, stated_by=HARM[:200])
    told = {"output": {HARM: HARM}, "same": False, "said": HARM, "steps": {HARM: {"same": False, "said": HARM}}}
    asked = {"subject": "task", "model": HARM[:250], "prompt": HARM, "simulated": True, "flagged": True}
    past = workflow.executions.earliest("pk")
    Shadow.objects.create(
        project=workflow.project,
        workflow=workflow,
        version=past.version,
        past=past,
        day=date.today(),
        status="completed",
        **asked,
        **told,
    )


def _design(workflow: Workflow) -> None:
    questions = [{"question": HARM, "why": HARM, "assumed": HARM}]
    answer = {"fit": {"verdict": HARM, "reasons": [HARM]}, "questions": questions}
    answer |= {"edge_cases_considered": [{"case": HARM, "decision": HARM}]}
    answer |= {"policy_references": [{"clause": HARM, "where": HARM}]}
    brief = {"task": HARM, "requirements": [HARM], "policies": [{"name": HARM, "text": HARM}], "constraints": [HARM]}
    brief |= {"document": HARM, "files": {HARM: HARM}, "executions_per_month": None, "answers": []}
    said = {"brief": brief, "answer": answer, "said": HARM, "target": f"scripted:{HARM}"[:250], "created_by": SHORT}
    said |= {"simulated": True, "status": "completed", "draft": workflow.live.version}
    design = Design.objects.create(project=workflow.project, workflow=workflow, **said)
    faults = [{"pointer": HARM, "detail": HARM}]
    Round.objects.create(design=design, number=1, answer=HARM, faults=faults)


@pytest.fixture
def operator(project) -> Client:
    client = Client()
    client.force_login(
        get_user_model().objects.create_superuser("rosa", first_name=SHORT, last_name=SHORT, email="rosa@example.com")
    )
    return client


def test_everything_harmful_is_there(project):
    """Else the pages below would have nothing to show."""
    assert set(Execution.objects.values_list("status", flat=True)) == {"completed", "escalated", "failed", "cancelled"}
    assert set(Flag.objects.values_list("reason", flat=True)) == {"uncovered", "low_confidence"}
    assert {*Call.objects.values_list("outcome", flat=True)} == {"ok", "rejected", "model_mismatch"}
    assert Call.objects.filter(error__contains="wm-harm").count() >= 2
    assert Version.objects.get().title == HARM


@pytest.mark.parametrize(("kind", "owner"), admin.site._registry.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_a_text_is_a_text_on_every_page_of_the_admin(kind, owner, operator):
    base, seen = f"/admin/{kind._meta.app_label}/{kind._meta.model_name}/", 0
    patterns = [str(one.pattern) for one in owner.get_urls() if isinstance(one, URLPattern)]
    pages = [
        base,
        f"{base}?q={SHORT}",
        f"{base}?{SHORT}={SHORT}",
        f"{base}?_popup={SHORT}&_to_field={SHORT}",
        f"{base}add/?{SHORT}={SHORT}",
    ]
    for row in kind.objects.all()[:12]:
        for pattern in patterns:
            if "<" in pattern:
                page = base + pattern.replace("<path:object_id>", str(row.pk)).replace("<id>", str(row.pk))
                pages.append(page.replace("<uuid:flag_id>", str(row.pk)))
    for page in pages:
        answer = operator.get(page, follow=True)
        assert answer.status_code in (200, 400, 403, 404), page
        if answer["Content-Type"].startswith("text/html"):
            seen += assert_inert(answer.content.decode())
    assert seen or kind.__name__ in ("ApiKey", "Project", "Intent")


def test_a_text_is_a_text_where_a_flag_is_resolved(operator):
    for flag in Flag.objects.all():
        path = f"/admin/queue/{flag.pk}/"
        assert assert_inert(operator.get(path).content.decode())
        assert_inert(operator.get(f"/admin/queue/?reason={SHORT}&workflow={SHORT}&after={SHORT}").content.decode())
        for decision in (HARM, "step", "whole", "redesign"):
            typed = {f"{part}-{field}": HARM for part in ("step", "whole") for field in ("0", "1", "value")}
            wrong = {**typed, "decision": decision, "answer_now": HARM, "note": HARM, "make_case": HARM}
            assert assert_inert(operator.post(path, wrong).content.decode())
        broken = {"decision": "whole", "whole-value": json.dumps({"wrong": HARM, HARM: 1}), "note": HARM}
        assert_inert(operator.post(path, broken, follow=True).content.decode())
        for again in (broken, {"decision": "dismissed"}):
            assert_inert(operator.post(path, again, follow=True).content.decode())
        assert_inert(operator.post(f"{path}undo/", {"back": HARM}, follow=True).content.decode())


def test_a_text_is_a_text_on_the_savings_pages(operator):
    project = Project.objects.get()
    for workflow in project.workflows.all():
        for one in urls.urlpatterns:
            if one.name:
                named = {"project": project.name, "workflow": workflow.name}
                known = {name: value for name, value in named.items() if name in one.pattern.converters}
                path = reverse(f"reports:{one.name}", kwargs=known)
                for money in ("true", "false"):
                    assert_inert(operator.get(f"{path}?simulated={money}&version={SHORT}").content.decode())
                    assert_inert(operator.get(f"{path}?simulated={money}").content.decode())


def test_a_text_is_a_text_in_the_admins_own_pages(operator):
    data = {
        "project": Project.objects.get().pk,
        "provider": "scripted",
        "model": HARM[:190],
        "valid_from": "2090-01-01",
    }
    operator.post("/admin/gateway/ownprice/add/", {**data, "input": "1", "output": "1"})
    operator.post("/admin/gateway/ownprice/add/", {**data, "input": HARM, "output": LINK})
    seen = [
        assert_inert(operator.get(page).content.decode())
        for page in ("/admin/", "/admin/gateway/", "/admin/password_change/")
    ]
    assert seen[0]  # what was done lately
    for page in (f"/admin/login/?next={LINK}", f"/admin/login/?next={SHORT}"):
        assert_inert(Client().get(page).content.decode())
        assert_inert(Client().post(page, {"username": HARM, "password": HARM}).content.decode())
    for action in ("delete_selected", SHORT):
        chosen = {"action": action, "_selected_action": [Limit.objects.get().pk]}
        assert_inert(operator.post("/admin/gateway/limit/", chosen, follow=True).content.decode())


def test_every_answer_of_the_api_is_json_and_nothing_else(project):
    client, shown = client_of(project, *Scope.values), 0
    Endpoint.objects.update(events=["flag.waiting"])  # the one thing of it that has a list of words
    design = Design.objects.get()
    design.answer["fit"]["verdict"] = "hybrid"  # likewise
    design.save()
    ids = {"str:name": "harm", "str:number": "1.0.0", "int:budget_id": str(Budget.objects.get().pk)}
    ids["uuid:endpoint_id"] = str(Endpoint.objects.get().pk)
    ids["uuid:digest_id"] = str(Digest.objects.get().pk)
    ids["uuid:search_id"] = str(TierSearch.objects.get().pk)
    ids["uuid:replay_id"] = str(Replay.objects.get().pk)
    ids["uuid:shadow_id"] = str(Shadow.objects.get().pk)
    ids["uuid:design_id"] = str(Design.objects.get().pk)
    ids["uuid:group_id"] = str(FlagGroup.objects.first().pk)
    ids |= {"uuid:case_id": str(Case.objects.get().pk), "uuid:evaluation_id": str(Evaluation.objects.get().pk)}
    for execution in Execution.objects.all():
        flag = execution.flags.first() or Flag.objects.first()
        found = {**ids, "uuid:execution_id": str(execution.pk), "uuid:flag_id": str(flag.pk)}
        for method, pattern in CALLS:
            if method == "GET":
                answer = client.get(filled(pattern, found))
                assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
                assert answer["X-Content-Type-Options"] == "nosniff"
                text = answer.getvalue().decode()
                shown += "wm-harm" in text
                json.loads(text)
    assert shown > 50


def test_what_is_wrong_is_said_as_json_and_nothing_else(project):
    client = client_of(project, *Scope.values)
    paths = [
        "/api/v1/workflows/{}",
        "/api/v1/executions?status={}",
        "/api/v1/{}",
        "/api/v1/executions?cursor={}",
        "/{}",
        "/admin/{}",
    ]
    for path in paths:
        answer = client.get(path.format(SHORT))
        assert answer.status_code in (302, 400, 404)
        assert answer.status_code == 302 or answer["Content-Type"] == "application/problem+json"
    for method, pattern in BODIES:
        path = filled(
            pattern,
            {
                "str:name": "harm",
                "str:number": "1.0.0",
                "uuid:execution_id": str(Execution.objects.first().pk),
                "uuid:flag_id": str(Flag.objects.first().pk),
                "uuid:search_id": str(TierSearch.objects.get().pk),
                "uuid:replay_id": str(Replay.objects.get().pk),
                "uuid:design_id": str(Design.objects.get().pk),
                "uuid:group_id": str(FlagGroup.objects.first().pk),
                "uuid:case_id": str(Case.objects.get().pk),
                "uuid:evaluation_id": str(Evaluation.objects.get().pk),
                "int:result_id": str(Evaluation.objects.get().results.first().pk),
                "uuid:endpoint_id": str(Endpoint.objects.get().pk),
                "uuid:delivery_id": str(Delivery.objects.get().pk),
                "uuid:digest_id": str(Digest.objects.get().pk),
            },
        )
        answer = client.generic(method, path, json.dumps({HARM: HARM}), "application/json")
        assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "/" + HARM.replace("/", "~1") in [fault["pointer"] for fault in answer.json()["errors"]]
