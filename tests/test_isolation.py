"""Nothing crosses a project, and no key does more than its scopes say. The matrix is generated from the urls: every address ×
every method × an id of the neighbour's in every place of it; and ids in bodies, filters, cursors and keys. An address, a
parameter, a filter or a field of a body that nobody has thought of here makes a test fail by itself.

Expected is what an id gets that nothing has: the same status, the same bytes, as many questions to the database.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import product

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver

from config import urls
from executions.models import Execution
from projects.models import IdempotencyKey, Scope
from tests import neighbours as cast
from tests.cast import REFUND
from tests.neighbours import BODIES, CALLS, CANARY, UNKNOWN_ID, VIEWS, client_of, everything, filled, kinds_in
from wire.bodies import Body
from wire.views import View
from workflows.models import Workflow

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PATTERNS = [str(one.pattern) for one in urls.api]
WITH_IDS = [pattern for pattern in PATTERNS if kinds_in(pattern)]
LISTS = [pattern for method, pattern in CALLS if method == "GET" and not kinds_in(pattern)]
UNPAGED = ("costs", "definition-schema", "reconciliation")
# Filters that name a version of the workflow in the address: one that it has not is 404.
VERSIONS = [("workflows/<str:name>/diff", name) for name in ("from", "to")]
VERSIONS += [(f"workflows/<str:name>/{sums}", "version") for sums in ("escalation-quality", "operations")]
FILTERS = [(str(one.pattern), name) for one in urls.api for name in one.callback.view_class.filters]
FILTERS = [one for one in FILTERS if one not in VERSIONS]
# What stands outside of the API: open to everybody, with nothing of any project in it. The admin and the savings pages have tests
# of their own; "reports" only leads to the latter.
OPEN = {"healthz", "readyz", "metrics", "", "api/schema/", "api/docs/", "admin/login/", "reports"}

TOOL_STEP = [{"id": "look", "kind": "tool", "tool": "?"}]
# Every field of every body: what it names in the project, or that it names nothing.
NAMES = {"NewExecution.version", "NewBatch.version", "NewRetry.version", "NewReport.version", "NewBudget.workflow"}
NAMES |= {"NewPrice.provider", "NewEvaluation.version", "NewTierSearch.version", "NewReplay.version"}
NAMES |= {"NewEndpoint.workflow", "EndpointChange.workflow"}
NAMES |= {"NewDigest.workflow", "NewDigest.endpoint", "DigestChange.endpoint"}
NAMES |= {"NewRedesign.groups", "NewRedesign.flags"}  # in tests/designs/test_api.py
NAMES |= {"NewWorkflow.definition", "NewVersion.definition"}  # tools
NAMES |= {"NewVersion.resolves"}
NAMES |= {"NewWhatIf.models", "TriedPrice.model"}  # a step, and providers: in tests/analytics/test_what_if.py
SAYS = {
    *("NewExecution.input", "NewExecution.lane", "NewExecution.metadata", "NewBatch.inputs", "NewBatch.lane"),
    *("NewBatch.metadata", "NewResolution.resolution", "NewResolution.output", "NewResolution.step_output"),
    *(f"NewEndpoint.{name}" for name in ("kind", "address", "events", "hours")),
    *(f"EndpointChange.{name}" for name in ("address", "events", "hours", "enabled")),
    "NewSecret.keep_hours",
    *(f"NewDigest.{name}" for name in ("every", "hour", "emails")),
    *(f"DigestChange.{name}" for name in ("every", "hour", "emails", "enabled")),
    *(f"NewPrice.{name}" for name in ("model", "from_", "batch")),
    *(
        f"{body}.{name}"
        for body in ("NewPrice", "BatchPrice")
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
    ),
    *(f"NewGroupResolution.{name}" for name in ("resolution", "output", "step_output", "note")),
    "NewSpotChecks.share",
    *(f"NewHumanEffort.{name}" for name in ("minutes_per_review", "cost_per_hour", "from_")),
    *(
        f"NewEvaluation.{name}"
        for name in ("models", "tiers", "against", "kinds", "tags", "repeats", "at_once", "budget")
    ),
    *("NewEvaluationBudget.budget", "NewOpinion.right"),
    *(f"NewTierSearch.{name}" for name in ("candidates", "at_once", "budget")),
    "NewTierSearchBudget.budget",
    *(f"NewReplay.{name}" for name in ("sample", "flagged", "since", "until", "at_once", "budget")),
    "NewReplayBudget.budget",
    *(f"NewDesign.{name}" for name in ("name", "task", "requirements", "policies", "constraints", "document", "files")),
    *(f"NewDesign.{name}" for name in ("examples", "executions_per_month", "model", "max_rounds", "budget")),
    *(f"NewRedesign.{name}" for name in ("note", "model", "max_rounds", "budget")),
    *("PolicyText.name", "PolicyText.text", "Answered.question", "Answered.answer", "NewAnswers.answers"),
    "NewDesignBudget.budget",
    *(f"NewShadowPlan.{name}" for name in ("enabled", "subject", "share", "monthly_budget")),
    *(f"NewGate.{name}" for name in ("min_cases", "margin", "min_recall", "graders", "step_graders")),
    *(
        f"NewCase.{name}"
        for name in ("kind", "input", "expected", "expects_flag", "weight", "tags", "note", "proposed")
    ),
    *("NewCase.steps", "NewCase.answers", "NewCases.cases"),  # steps of the version itself
    *(f"NewFeedback.{name}" for name in ("accepted", "output", "note")),
    *(f"NewReport.{name}" for name in ("input", "output", "status", "executor", "followed", "unexpected", "metadata")),
    *("NewReport.update_suggested", "NewReport.model_calls", "NewReport.flags"),
    *(f"ReportedFlag.{name}" for name in ("reason", "explanation", "step")),  # a step of the version itself
    *(f"ReportedCall.{name}" for name in ("model", "input", "output", "cache_read", "cache_write", "latency_ms", "at")),
    *("NewResolution.note", "NewResolution.make_case", "NewPublication.override", "NewBudget.period", "NewBudget.cap"),
    *(
        "NewBaseline.method",
        "NewBaseline.model",
        "NewBaseline.cost_per_execution",
        "NewBaseline.prompt",
        "NewBaseline.from_",
    ),
    *(f"NewWorkflow.{name}" for name in ("name", "version")),  # new ones
    *(f"NewWhatIf.{name}" for name in ("volume_per_month", "prices", "caching", "batch", "since", "until")),
    *("NewWhatIf.baseline", "NewWhatIf.simulated", "TriedPrice.batch"),
    *(f"TriedPrice.{name}" for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")),
    *(f"NewVersion.{name}" for name in ("bump", "version")),
    *(
        f"{body}.{name}"
        for body in ("NewWorkflow", "NewVersion")
        for name in (
            "changelog",
            "design_context",
            "designed_by",
            "designed_at",
            "intelligence_level",
            "design_cost",
            "publish",
        )
    ),
}
# (method, pattern, field) → what the neighbour has under this name, and a name that nobody has.
REFERENCES = [
    ("POST", "workflows/<str:name>/executions", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/executions/batch", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/executions/batch/estimate", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/executions", "version", "8.8.9", "9.9.9"),  # a draft
    ("POST", "workflows/<str:name>/executions/report", "version", "8.8.8", "9.9.9"),
    ("POST", "executions/<uuid:execution_id>/retries", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/evaluations", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/evaluations/estimate", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/tier-searches", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/tier-searches/estimate", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/replays", "version", "8.8.8", "9.9.9"),
    ("POST", "workflows/<str:name>/replays/estimate", "version", "8.8.8", "9.9.9"),
    ("PUT", "budgets", "workflow", "canary-refund", "nobodys-refund"),
    ("PUT", "prices", "provider", "canary", "nobody"),
    ("POST", "endpoints", "workflow", "canary-refund", "nobodys-refund"),
    ("PATCH", "endpoints/<uuid:endpoint_id>", "workflow", "canary-refund", "nobodys-refund"),
    ("POST", "digests", "workflow", "canary-refund", "nobodys-refund"),
    ("POST", "digests", "endpoint", "uuid:endpoint_id", UNKNOWN_ID),
    ("PATCH", "digests/<uuid:digest_id>", "endpoint", "uuid:endpoint_id", UNKNOWN_ID),
    ("POST", "workflows", "definition", "canary.lookup", "nobodys.lookup"),
    ("POST", "workflows/<str:name>/versions", "definition", "canary.lookup", "nobodys.lookup"),
    ("POST", "workflows/<str:name>/versions", "resolves", "uuid:flag_id", UNKNOWN_ID),
]


@pytest.fixture
def mallory(both):
    return client_of(both.own.project, *Scope.values)


def ask(client: Client, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, str]:
    """The status, the kind and the text of an answer."""
    sent = "" if body is None else json.dumps(body)
    came = client.generic(method, path, sent, "application/json", headers=headers)
    return came.status_code, came.get("Content-Type", ""), came.getvalue().decode()


def twice(client: Client, method: str, paths: tuple[str, str], bodies: tuple[object, object] = (None, None)) -> list:
    """Two answers, and how many questions to the database each took."""
    ask(client, "GET", "/api/v1/workflows?limit=1")  # a key is touched once a minute
    found = []
    for path, body in zip(paths, bodies, strict=True):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = ask(client, method, path, body)
        found.append((*answer, len(queries)))
    return found


def assert_nothing_foreign(text: str, both: cast.Neighbours, *asked: str) -> None:
    """But for what the caller said himself."""
    for word in asked:
        text = text.replace(word, "")
    assert not [secret for secret in both.secrets if secret in text]


# Is the matrix whole?


def test_every_kind_of_id_every_body_and_every_field_of_one_is_known_here(both):
    assert {kind for pattern in PATTERNS for kind in kinds_in(pattern)} == both.ids(both.own).keys()
    assert {call for call in CALLS if call[0] in ("POST", "PUT", "PATCH")} == BODIES.keys()
    fields = {f"{body.__name__}.{name}" for body in bodies(Body) for name in body.model_fields}
    assert fields == NAMES | SAYS
    assert {name.partition(".")[2] for name in NAMES} == {field for _, _, field, _, _ in REFERENCES} | {
        *("groups", "flags", "resolves", "models", "model"),
    }


def bodies(base: type[Body]) -> Iterator[type[Body]]:
    """Those that a request can have: the leaves, of the product."""
    for one in base.__subclasses__():
        if one.__module__.startswith("tests."):
            continue
        below = list(bodies(one))
        yield from below or [one]


def test_the_neighbour_has_something_of_every_kind(both):
    """Else a test below could not find what leaks. What the project has by itself, and what the installation has, aside."""
    aside = {"Gate", "Evaluation", "Result", "Record"}
    aside |= {"Limit", "Worker", "Reservation", "Spent", "Intent", "Payload"}
    rows = everything()
    assert {name for name, found in rows.items() if not found} <= {*aside, *ROLLUPS}


ROLLUPS = {"CallCell", "AnswerCell", "ExecutionCell", "LatencyCell", "AskedCell", "Escalation", "Standing"}


def test_what_the_owner_reads_would_be_noticed(both):
    owner, seen = client_of(both.foreign.project, Scope.READ, Scope.ADMIN), []
    for method, pattern in CALLS:
        if method == "GET":
            status, _, text = ask(owner, method, filled(pattern, both.ids(both.foreign)))
            assert status == 200, pattern
            seen.append(any(secret in text for secret in both.secrets))
    assert sum(seen) >= len(seen) - 6  # sums, the schema of definitions and a set of cases have no words in them


def test_every_address_is_in_this_matrix_or_open_by_name():
    within, outside = set(), set()
    for one in get_resolver().url_patterns:
        if isinstance(one, URLPattern):
            outside.add(str(one.pattern))
        elif one.app_name not in ("admin", "reports"):
            within |= {getattr(inner.callback, "view_class", None) for inner in patterns(one)}
    assert outside == OPEN
    assert within == set(VIEWS)
    assert all(issubclass(view, View) for view in within)


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one)
        else:
            yield one


@pytest.mark.parametrize("address", sorted(OPEN))
def test_what_is_open_tells_of_no_project(address, both):
    came = Client().get(f"/{address}")
    assert came.status_code in (200, 302, 503)
    assert_nothing_foreign(came.content.decode(), both)


# An id in the address.


@pytest.mark.parametrize("pattern", WITH_IDS)
def test_anothers_id_is_an_id_that_nothing_has(pattern, both, mallory):
    before, kinds = everything(), kinds_in(pattern)
    for method, whose in product(METHODS, product((both.foreign, both.own), repeat=len(kinds))):
        if both.foreign not in whose:
            continue
        ids = {kind: both.ids(one)[kind] for kind, one in zip(kinds, whose, strict=True)}
        unknown = {kind: both.unknown[kind] for kind, one in zip(kinds, whose, strict=True) if one == both.foreign}
        paths, body = (filled(pattern, ids), filled(pattern, {**ids, **unknown})), BODIES.get((method, pattern))
        foreign, nobodys = twice(mallory, method, paths, (body, body))
        assert foreign == nobodys, paths
        assert foreign[0] == expected(method, pattern), (method, paths)
        assert_nothing_foreign(foreign[2], both)
    assert everything() == before


def expected(method: str, pattern: str) -> int:
    view = next(one.callback.view_class for one in urls.api if str(one.pattern) == pattern)
    if method == "OPTIONS":
        return 204
    return 404 if ("GET" if method == "HEAD" else method) in view.scopes else 405


@pytest.mark.parametrize("broken", [{}, {"no such key": 1}, {"input": 1}, {"resolution": "redesign"}, {"version": 1}])
def test_nor_does_a_wrong_body_tell_them_apart(broken, both, mallory):
    for method, pattern in CALLS:
        if (method, pattern) in BODIES and kinds_in(pattern):
            paths = filled(pattern, both.ids(both.foreign)), filled(pattern, both.unknown)
            foreign, nobodys = twice(mallory, method, paths, (broken, broken))
            assert foreign == nobodys
            assert foreign[0] in (404, 422)


def test_a_workflow_of_the_same_name_is_ones_own(both, mallory):
    for method, pattern in CALLS:
        if method == "GET" and kinds_in(pattern) in (["str:name"], ["str:name", "str:number"]):
            ids = {"str:name": "refund", "str:number": "1.0.0"}
            status, _, text = ask(mallory, method, filled(pattern, ids))
            assert status == 200
            assert_nothing_foreign(text, both)


# An id anywhere else.


@pytest.mark.parametrize(("method", "pattern", "field", "foreign", "nobodys"), REFERENCES)
def test_anothers_name_in_a_body_is_one_that_nothing_has(method, pattern, field, foreign, nobodys, both, mallory):
    before, path = everything(), filled(pattern, both.ids(both.own))
    foreign, said = both.ids(both.foreign).get(foreign, foreign), []
    for name in (foreign, nobodys):
        value = {**REFUND, "steps": [{**TOOL_STEP[0], "tool": name}], "result": None} if field == "definition" else name
        value = [name] if field == "resolves" else value
        said.append({**BODIES[method, pattern], field: value})
    ask(mallory, method, path, said[1])  # what is remembered of a project for a while is by then
    (*theirs, asked), (*others, asked_too) = twice(mallory, method, (path, path), tuple(said))
    assert theirs[0] in (404, 422)
    assert [part if isinstance(part, int) else part.replace(foreign, nobodys) for part in theirs] == others
    assert asked == asked_too
    assert_nothing_foreign(theirs[2], both, foreign)
    assert everything() == before


def test_a_name_that_another_project_has_is_free(both, mallory):
    body = {**BODIES["POST", "workflows"], "name": both.foreign.name}
    assert ask(mallory, "POST", "/api/v1/workflows", body)[0] == 201
    assert Workflow.objects.filter(name=both.foreign.name).count() == 2


@pytest.mark.parametrize("pattern", LISTS)
def test_a_list_or_a_sum_has_only_what_is_ones_own(pattern, both, mallory):
    status, _, text = ask(mallory, "GET", filled(pattern, {}))
    assert status == 200
    assert_nothing_foreign(text, both)
    if pattern == "costs":
        own = Execution.objects.production().filter(project=both.own.project)
        assert json.loads(text)["executions"] == own.count() == 6


SUMS = ("costs", "reconciliation", "operations", "waterfall", "definition-schema", "exports/<str:table>")  # no lists
STATES = {"deliveries": "waiting", "cases": "confirmed"}


@pytest.mark.parametrize(("pattern", "name"), FILTERS)
def test_a_filter_finds_nothing_of_anothers(pattern, name, both, mallory):
    told = {
        "workflow": (both.foreign.name, "nobodys-refund"),
        "version": ("8.8.8", "9.9.9"),
        "waiting": ("true",),
        "simulated": ("true",),
        "status": ("completed",),
        "purpose": ("production",),
        "state": (next((word for of, word in STATES.items() if of in pattern), "open"),),
        "kind": ("design" if pattern == "designs" else "covered",),
        "source": ("hand",),
        "tag": ("canary", "nobody"),
        "reason": ("uncovered",),
        "since": ("2000-01-01",),
        "until": ("9999-01-01",),
        "baseline": ("declared",),
        "subject": ("task",),
        "group_by": ("workflow",),
        "archived": ("false",),
        "provider": ("canary", "nobody"),
        "model": ("canary", "nobody"),
        "at": ("2099-01-01",),
        "actor": ("canary", "nobody"),
        "verb": ("published",),
        "object": ("workflow",),
        "name": (both.foreign.name, "nobodys-refund"),
        "lane": ("quality",),
        "feedback": ("accepted",),
        "arm": ("candidate",),
        "right": ("false",),
        "same": ("false",),
        "human": ("false",),
        "format": ("csv",),
    }[name]
    path = filled(pattern, both.ids(both.own))
    if name in ("baseline", "subject"):  # which a table of figures takes
        path = path.replace("exports/executions", "exports/days")
    compares = pattern.endswith(("costs", "waterfall", "exports/<str:table>"))
    also = "&baseline=measured" if name == "subject" and compares else ""
    paths = tuple(f"{path}?{name}={value}{also}" for value in told)
    mallory.get(path)  # prices, providers, and what one execution costs, are remembered for a few seconds
    foreign, nobodys = twice(mallory, "GET", (paths[0], paths[-1]))
    told_of = slice(3) if "exports" in pattern else slice(4)  # what the audit of one takes is remembered for a moment
    assert foreign[told_of] == nobodys[told_of]
    assert foreign[0] == 200
    assert_nothing_foreign(foreign[2], both)


@pytest.mark.parametrize(("pattern", "name"), VERSIONS)
def test_a_version_that_another_has_is_one_that_nothing_has(pattern, name, both, mallory):
    path = filled(pattern, both.ids(both.own))
    foreign, nobodys = twice(mallory, "GET", (f"{path}?{name}=8.8.8", f"{path}?{name}=9.9.9"))
    assert foreign == nobodys
    assert foreign[0] == 404


@pytest.mark.parametrize("pattern", [pattern for pattern in LISTS if pattern not in SUMS])
def test_a_page_of_anothers_leads_to_nothing_of_its(pattern, both, mallory):
    owner = client_of(both.foreign.project, Scope.ADMIN)
    pages = [json.loads(ask(owner, "GET", f"/api/v1/{pattern}?limit=1")[2])["next"] or f"/api/v1/{pattern}?cursor=1"]
    pages += [f"/api/v1/{pattern}?limit=1&cursor={cursor}" for cursor in both.ids(both.foreign).values()]
    for address in pages:
        status, _, text = ask(mallory, "GET", address.replace("http://testserver", ""))
        assert status in (200, 400)
        assert_nothing_foreign(json.dumps(json.loads(text).get("results", text)), both)


@pytest.mark.parametrize(("method", "pattern"), [call for call in CALLS if call[0] == "POST"])
def test_anothers_idempotency_key_says_nothing_and_answers_nothing(method, pattern, both, mallory):
    """The neighbour has sent the very same request with the same key, and one that differs with another."""
    path, body = filled(pattern, both.ids(both.own)), BODIES[method, pattern]
    owner = client_of(both.foreign.project, *Scope.values)
    ask(owner, method, path, body, **{"Idempotency-Key": "the same"})
    made = IdempotencyKey.objects.filter(project=both.foreign.project)
    for key, fingerprint in (("the same", ""), ("another", "x")):
        kept = hashlib.sha256(key.encode()).hexdigest()
        made.get_or_create(
            project=both.foreign.project, key=kept, defaults={"fingerprint": fingerprint, "result": CANARY}
        )
    for key in ("the same", "another"):
        status, _, text = ask(mallory, method, path, body, **{"Idempotency-Key": key})
        assert status != 422
        assert_nothing_foreign(text, both)
    assert not IdempotencyKey.objects.filter(project=both.own.project, result__contains=CANARY).exists()


# Scopes.


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_view_says_the_scope_of_every_method_it_has(view):
    handlers = ("get", "post", "put", "patch", "delete")
    assert {name.upper() for name in handlers if hasattr(view, name)} == set(view.scopes)
    assert {scope for method in view.scopes for scope in view.enough(method)} <= set(Scope.values)


def scopes_of(method: str, pattern: str) -> tuple[str, ...]:
    return next(one.callback.view_class.enough(method) for one in urls.api if str(one.pattern) == pattern)


@pytest.mark.parametrize(("method", "pattern"), CALLS)
def test_a_key_with_every_scope_but_the_needed_one_is_refused(method, pattern, both):
    needed, body = scopes_of(method, pattern), BODIES.get((method, pattern))
    others = [scope for scope in Scope.values if scope not in (*needed, Scope.ADMIN)]
    path = filled(pattern, both.ids(both.own))
    key = client_of(both.own.project, *others)
    before = everything()
    status, _, text = ask(key, method, path, body)
    named = " or ".join(f"'{scope}'" for scope in needed)
    assert (status, json.loads(text)["detail"]) == (403, f"This needs a key with the scope {named}.")
    assert everything() == before
    for enough in (*needed, Scope.ADMIN):
        assert ask(client_of(both.own.project, enough), method, path, body)[0] not in (401, 403)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_a_key_nothing_is_said(pattern, both):
    paths = filled(pattern, both.ids(both.foreign)), filled(pattern, both.unknown)
    for method in METHODS:
        body = BODIES.get((method, pattern))
        foreign, nobodys = twice(Client(), method, paths, (body, body))
        assert foreign == nobodys
        assert foreign[0] == 401, method
        assert_nothing_foreign(foreign[2], both)
