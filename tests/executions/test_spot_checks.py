"""Spot checks: which completions are drawn, that drawing costs nothing, and what a reviewer's answer does."""

from decimal import Decimal
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions import spot_checks, worker
from executions.drivers import plain
from executions.models import Event, Execution, Feedback, Flag
from executions.queue import submit
from projects.models import Project, Scope
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from tests.neighbours import client_of
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

ALL = Decimal(1)


@pytest.fixture
def workflow():
    models_answer({"text": envelope({"kind": "refund"})})
    return make_workflow()


def share(workflow, share):
    Workflow.objects.filter(pk=workflow.pk).update(spot_check_share=share)


def client(workflow, *scopes):
    return client_of(workflow.project, *(scopes or Scope.values))


def resolve(workflow, flag, body, status=200):
    path = f"/api/v1/flags/{flag.pk}/resolution"
    came = client(workflow, Scope.REVIEW).post(path, body, content_type="application/json")
    assert came.status_code == status, came.content
    return came.json()


@pytest.fixture
def drawn(workflow):
    share(workflow, ALL)
    execute(workflow)
    return Flag.objects.get()


def test_what_completes_without_a_flag_may_be_drawn_and_waits_for_nobody(workflow, drawn):
    assert (drawn.reason, drawn.detector, drawn.waiting, drawn.step, drawn.state) == (
        *("spot_check", "sample"),
        False,
        *("", "open"),
    )
    shown = client(workflow).get(f"/api/v1/executions/{drawn.execution_id}").json()
    assert (shown["status"], shown["resolved_by"]) == ("completed", "workflow")
    assert shown["tracking"] == {"followed": True, "unexpected": [], "update_suggested": False}
    assert client(workflow).get("/api/v1/costs").json()["escalation_rate"] == "0.0000"
    for filters, expected in (("reason=spot_check", 1), ("waiting=true", 0), ("state=open&waiting=false", 1)):
        assert len(client(workflow).get(f"/api/v1/flags?{filters}").json()["results"]) == expected


def test_nobody_is_asked_where_no_share_is_stated(workflow):
    execute(workflow)
    assert not Flag.objects.exists()


def test_a_share_of_the_project_holds_for_a_workflow_that_has_none_of_its_own(workflow):
    Project.objects.update(spot_check_share=ALL)
    execute(workflow)
    share(workflow, Decimal(0))
    execute(workflow)
    assert Flag.objects.count() == 1


@pytest.mark.parametrize(("text", "drawn"), [("0.8838", False), ("0.8839", True)])
def test_anybody_can_work_out_which_are_drawn(text, drawn):
    execution = UUID("01a20962-da43-723d-9ab6-2fe2c492166d")
    assert (
        sha256(b"spot-check:01a20962-da43-723d-9ab6-2fe2c492166d").hexdigest()[:8] == "e2428ea6"
    )  # 0.88383 of the way
    assert spot_checks.is_drawn(execution, Decimal(text)) is drawn


def test_the_share_is_kept_over_many():
    found = sum(spot_checks.is_drawn(uuid4(), Decimal("0.02")) for _ in range(20_000))
    assert 300 < found < 500


def test_a_draw_asks_the_database_nothing(workflow):
    execute(workflow)
    counts = []
    for one in (Decimal(0), ALL):
        share(workflow, one)
        execution = submit(workflow.live.version, workflow.live, {"message": "I want a refund"}, actor="test")
        with CaptureQueriesContext(connection) as queries:
            plain.advance(execution.pk, worker.current())
        counts.append(len(queries))
    assert Flag.objects.count() == 1
    assert counts[0] == counts[1] if connection.vendor == "postgresql" else counts[0] == counts[1] - 1  # the row itself


def test_what_was_flagged_before_is_not_drawn(workflow):
    share(workflow, ALL)
    models_answer({"text": envelope({"kind": "refund"}, confidence=0.1)})
    execution = execute(workflow)
    assert execution.status == "escalated"
    models_answer({"text": envelope({"kind": "refund"})})
    resolve(workflow, Flag.objects.get(), {"resolution": "retry"})
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, Flag.objects.count()) == ("completed", 1)


def test_what_the_frontier_answered_is_not_drawn(workflow):
    share(workflow, ALL)
    unsure = {"model": "claude-haiku-5-5", "text": envelope({"kind": "refund"}, confidence=0.1)}
    models_answer(unsure, {"text": envelope({"kind": "refund"})})
    assert execute(workflow).resolved_by == "frontier"
    assert Flag.objects.values_list("reason", flat=True).get() == "low_confidence"


def test_what_was_interrupted_is_drawn_as_any_other(workflow):
    share(workflow, ALL)
    models_answer({"error": "rejected"})
    execution = execute(workflow)
    models_answer({"text": envelope({"kind": "refund"})})
    client(workflow).post(f"/api/v1/executions/{execution.pk}/retries", {}, "application/json")
    plain.advance(execution.pk, worker.current())
    assert Flag.objects.values_list("reason", flat=True).get() == "spot_check"


def test_a_trial_is_not_drawn(workflow):
    share(workflow, ALL)
    body = {"definition": REFUND, "bump": "minor"}
    client(workflow).post("/api/v1/workflows/refund/versions", body, "application/json")
    trial = submit(workflow.versions.get(number="1.1.0"), None, {"message": "I want a refund"}, actor="test")
    plain.advance(trial.pk, worker.current())
    assert Execution.objects.get().status == "completed"
    assert not Flag.objects.exists()


def test_a_reviewer_says_that_the_answer_is_right(workflow, drawn):
    said = resolve(workflow, drawn, {"resolution": "dismissed", "note": "As it should be."})
    assert (said["state"], said["resolution"]["resolution"]) == ("dismissed", "dismissed")
    assert Feedback.objects.values_list("accepted", "has_output", "note").get() == (True, False, "As it should be.")
    assert Execution.objects.get().judged_right is True


def test_a_reviewer_says_that_it_is_wrong_and_what_would_have_been_right(workflow, drawn):
    said = resolve(workflow, drawn, {"resolution": "answered", "output": {"kind": "other"}})
    assert (said["state"], said["answered_by"]) == ("resolved", "human")
    assert Feedback.objects.values_list("accepted", "output").get() == (False, {"kind": "other"})
    costs = client(workflow).get("/api/v1/costs").json()
    assert (costs["executions"], costs["finished"], costs["completed"], costs["escalation_rate"]) == (1, 1, 0, "0.0000")
    shown = client(workflow).get(f"/api/v1/executions/{drawn.execution_id}").json()
    assert (shown["output"], shown["tracking"]["update_suggested"]) == ({"kind": "refund"}, True)
    assert Event.objects.filter(kind="feedback").count() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"resolution": "answered"}, "/resolution"),
        ({"resolution": "answered", "step_output": {"kind": "other"}}, "/resolution"),
        ({"resolution": "answered", "output": {"kind": 7}}, "/output/kind"),
        ({"resolution": "dismissed", "output": {"kind": "other"}}, "/resolution"),
        ({"resolution": "retry"}, "/resolution"),
    ],
)
def test_another_answer_to_a_spot_check_changes_nothing(workflow, drawn, body, pointer):
    assert resolve(workflow, drawn, body, 422)["errors"][0]["pointer"] == pointer
    assert not Feedback.objects.exists()
    assert Flag.objects.get().state == "open"


def test_it_is_decided_once_and_what_was_decided_stands_as_feedback(workflow, drawn):
    resolve(workflow, drawn, {"resolution": "dismissed"})
    assert resolve(workflow, drawn, {"resolution": "dismissed"}, 409)["state"] == "dismissed"
    reopened = client(workflow).delete(f"/api/v1/flags/{drawn.pk}/resolution")
    assert (reopened.status_code, reopened.json()["state"]) == (409, "dismissed")
    assert Feedback.objects.count() == 1


def test_a_workflow_states_its_share_and_takes_it_back(workflow):
    path, key = "/api/v1/workflows/refund/spot-checks", client(workflow)
    assert key.get(path).json() == {"workflow": "refund", "share": "0.0000", "stated_for": None}
    stated = key.put(path, {"share": "0.05"}, "application/json")
    assert (stated.status_code, stated.json()) == (
        200,
        {"workflow": "refund", "share": "0.0500", "stated_for": "workflow"},
    )
    Project.objects.update(spot_check_share=Decimal("0.02"))
    assert key.put(path, {"share": 0}, "application/json").json()["share"] == "0.0000"
    taken_back = key.put(path, {"share": None}, "application/json")
    assert taken_back.json() == {"workflow": "refund", "share": "0.0200", "stated_for": "project"}


@pytest.mark.parametrize("share", ["2%", 1.5, -0.1, "0.00001", True, "nan", [], ""])
def test_a_share_lies_between_none_and_all(workflow, share):
    came = client(workflow).put("/api/v1/workflows/refund/spot-checks", {"share": share}, "application/json")
    assert (came.status_code, came.json()["errors"][0]["pointer"]) == (422, "/share")
