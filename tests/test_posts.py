"""Every POST through REST, in the state that it is for and in one that it is not: what it answers, what then stands in the
database, and that the same request with its `Idempotency-Key` does nothing more."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config import urls
from executions import worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag
from executions.queue import submit
from gateway.models import Call
from projects.models import ApiKey
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from workflows.models import Publication, Version

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"})}
UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.4)}
UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}
ONE = {"message": "I want a refund"}


class Caller:
    """Posts as a program does. `KEYS`: without an Idempotency-Key, and with one."""

    KEYS = (None, "a key")

    def __init__(self, project, *scopes):
        _, token = ApiKey.objects.issue(project, list(scopes) or ["admin"])
        self.client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)

    def post(self, path, body=None, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        said = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        answer = self.client.generic("POST", f"/api/v1/{path}", headers=headers, **said)
        return answer.status_code, answer.json()


def go_on(execution):
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()


def failed(workflow):
    models_answer({"error": "rejected"})
    execution = execute(workflow)
    assert execution.status == "failed"
    models_answer(GOOD)
    return execution


# Retries.


@pytest.mark.parametrize("key", Caller.KEYS)
@pytest.mark.parametrize("body", [None, {}])
def test_a_failed_execution_goes_on_behind_its_last_checkpoint(key, body):
    workflow = make_workflow()
    execution, caller = failed(workflow), Caller(workflow.project)
    status, said = caller.post(f"executions/{execution.pk}/retries", body, key)
    assert (status, said["id"], said["status"], said["error"]) == (202, str(execution.pk), "queued", None)
    go_on(execution)
    assert (execution.status, execution.output) == ("completed", {"kind": "refund"})
    assert execution.steps.filter(step="clean").count() == 1
    assert Event.objects.filter(before="failed", after="queued").count() == 1


def test_a_retry_that_is_sent_again_is_answered_with_the_execution_as_it_is_now():
    workflow = make_workflow()
    execution, caller = failed(workflow), Caller(workflow.project)
    caller.post(f"executions/{execution.pk}/retries", {}, "a key")
    go_on(execution)
    status, said = caller.post(f"executions/{execution.pk}/retries", {}, "a key")
    assert (status, said["id"], said["status"]) == (202, str(execution.pk), "completed")
    assert Event.objects.filter(before="failed", after="queued").count() == 1


@pytest.mark.parametrize("key", Caller.KEYS)
def test_with_a_version_a_new_execution_of_the_same_input_begins(key):
    workflow = make_workflow()
    execution, caller = failed(workflow), Caller(workflow.project)
    Execution.objects.filter(pk=execution.pk).update(metadata={"ticket": "T-17"})
    caller.post("workflows/refund/versions", {"definition": REFUND, "bump": "minor", "publish": True})
    status, said = caller.post(f"executions/{execution.pk}/retries", {"version": "1.1.0"}, key)
    assert (status, said["rerun_of"], said["version"]) == (201, str(execution.pk), "1.1.0")
    assert (said["status"], said["input"], said["metadata"]) == ("queued", ONE, {"ticket": "T-17"})
    assert said["id"] != str(execution.pk)
    execution.refresh_from_db()
    assert execution.status == "failed"


def test_a_new_execution_of_the_same_input_begins_once_for_a_key():
    workflow = make_workflow()
    execution, caller = failed(workflow), Caller(workflow.project)
    path, body = f"executions/{execution.pk}/retries", {"version": "1.0.0"}
    assert caller.post(path, body, "a key") == caller.post(path, body, "a key")
    assert caller.post(path, {}, "a key")[0] == 422
    assert Execution.objects.count() == 2


@pytest.mark.parametrize("key", Caller.KEYS)
@pytest.mark.parametrize("status", ["queued", "running", "waiting", "escalated", "completed", "cancelled"])
def test_only_a_failed_execution_is_retried(status, key):
    workflow = make_workflow()
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    Execution.objects.update(status=status)
    answer, said = Caller(workflow.project).post(f"executions/{execution.pk}/retries", {}, key)
    assert (answer, said["state"]) == (409, status)
    assert Execution.objects.get().status == status


@pytest.mark.parametrize("key", Caller.KEYS)
@pytest.mark.parametrize("waits_for", ["provider", "rate", "service"])
def test_what_waits_for_a_time_goes_on_at_once_with_a_new_deadline(waits_for, key):
    workflow, hour = make_workflow(), timedelta(hours=1)
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    later = {"resume_at": timezone.now() + hour, "deadline_at": timezone.now() + hour, "error": {"code": waits_for}}
    Execution.objects.update(status="waiting", waiting_for=waits_for, **later)
    models_answer(GOOD)
    status, said = Caller(workflow.project).post(f"executions/{execution.pk}/retries", {}, key)
    assert (status, said["status"], said["waiting_for"], said["error"]) == (202, "queued", None, None)
    execution.refresh_from_db()
    assert (execution.resume_at, execution.deadline_at > later["deadline_at"]) == (None, True)
    assert Event.objects.get(before="waiting", after="queued").actor.startswith("key:")
    go_on(execution)
    assert execution.status == "completed"


@pytest.mark.parametrize("waits_for", ["budget", "review"])
def test_what_waits_for_a_person_is_not_woken_by_a_retry(waits_for):
    workflow = make_workflow()
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    Execution.objects.update(status="waiting", waiting_for=waits_for)
    assert Caller(workflow.project).post(f"executions/{execution.pk}/retries", {})[0] == 409
    assert Execution.objects.get().status == "waiting"


@pytest.mark.parametrize(
    ("status", "answer"), [("queued", 409), ("escalated", 409), ("completed", 201), ("cancelled", 201)]
)
def test_with_a_version_whatever_has_ended_is_run_again(status, answer):
    workflow = make_workflow()
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    Execution.objects.update(status=status)
    body = {"version": "1.0.0"}
    assert Caller(workflow.project).post(f"executions/{execution.pk}/retries", body)[0] == answer


def test_a_retry_with_a_version_that_is_not_there_or_only_a_draft_is_refused():
    workflow = make_workflow()
    execution, caller = failed(workflow), Caller(workflow.project, "execute")
    assert caller.post(f"executions/{execution.pk}/retries", {"version": "9.9.9"})[0] == 404
    Caller(workflow.project).post("workflows/refund/versions", {"definition": REFUND, "bump": "minor"})
    assert caller.post(f"executions/{execution.pk}/retries", {"version": "1.1.0"})[0] == 403
    assert Execution.objects.count() == 1


# Cancellation.


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "escalated"])
def test_an_execution_that_has_not_ended_is_cancelled(status):
    workflow = make_workflow()
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    Execution.objects.update(status=status)
    answer, said = Caller(workflow.project).post(f"executions/{execution.pk}/cancellation")
    assert (answer, said["status"]) == (200, "cancelled")


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_an_execution_that_has_ended_is_not_cancelled(status):
    workflow = make_workflow()
    execution = submit(workflow.live.version, workflow.live, ONE, actor="test")
    Execution.objects.update(status=status)
    answer, said = Caller(workflow.project).post(f"executions/{execution.pk}/cancellation")
    assert (answer, said["state"], Execution.objects.get().status) == (409, status, status)


# Resolutions.


def flagged(answer):
    models_answer(answer)
    workflow = make_workflow()
    execution = execute(workflow)
    models_answer(GOOD)
    return Caller(workflow.project), execution, f"flags/{Flag.objects.get().pk}/resolution"


@pytest.mark.parametrize("key", Caller.KEYS)
@pytest.mark.parametrize(
    ("answer", "body", "resolved_by", "output"),
    [
        (UNSURE, {"resolution": "answered", "step_output": {"kind": "other"}}, "human", {"kind": "other"}),
        (UNSURE, {"resolution": "dismissed"}, "workflow", {"kind": "refund"}),
        (UNCOVERED, {"resolution": "retry", "note": "The script was wrong."}, "workflow", {"kind": "refund"}),
    ],
)
def test_a_resolution_sets_the_execution_going_again(answer, body, resolved_by, output, key):
    caller, execution, path = flagged(answer)
    status, said = caller.post(path, body, key)
    assert (status, said["resolution"]["resolution"], said["waiting"]) == (200, body["resolution"], False)
    assert caller.post(path, body, key)[0] == (200 if key else 409)
    go_on(execution)
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", resolved_by, output)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resolution": "dismissed"}, 409),
        ({"resolution": "answered"}, 422),
        ({"resolution": "answered", "output": {"kind": "other"}, "step_output": {"kind": "other"}}, 422),
        ({"resolution": "answered", "output": None}, 422),
        ({"resolution": "answered", "step_output": None}, 422),
        ({"resolution": "retry", "output": {"kind": "other"}}, 422),
        ({"resolution": "redesign", "step_output": {"kind": "other"}}, 422),
        ({"resolution": "answered", "step_output": {"kind": "other"}, "make_case": True}, 422),
        ({"resolution": "lost"}, 422),
        ({}, 422),
    ],
)
def test_a_resolution_that_cannot_be_changes_nothing(body, status):
    caller, execution, path = flagged(UNCOVERED)
    assert caller.post(path, body)[0] == status
    execution.refresh_from_db()
    assert (execution.status, Flag.objects.get().state) == ("escalated", "open")


# Workflows, versions and publications.


def test_a_name_and_a_number_that_are_taken_are_a_conflict():
    caller = Caller(make_workflow().project)
    status, said = caller.post("workflows", {"name": "refund", "definition": REFUND})
    assert (status, said["workflow"]) == (409, "refund")
    status, said = caller.post("workflows/refund/versions", {"definition": REFUND, "version": "1.0.0"})
    assert (status, said["version"]) == (409, "1.0.0")
    assert Version.objects.count() == 1


@pytest.mark.parametrize("number", [{}, {"bump": "minor", "version": "1.1.0"}, {"bump": "huge"}])
def test_a_version_has_one_number(number):
    caller = Caller(make_workflow().project)
    assert caller.post("workflows/refund/versions", {"definition": REFUND, **number})[0] == 422
    assert Version.objects.count() == 1


@pytest.mark.parametrize("key", Caller.KEYS)
def test_an_older_version_is_published_again(key):
    workflow = make_workflow()
    caller = Caller(workflow.project)
    caller.post("workflows/refund/versions", {"definition": REFUND, "bump": "minor", "publish": True})
    status, said = caller.post("workflows/refund/versions/1.0.0/publication", None, key)
    assert (status, said["version"], Publication.objects.count()) == (201, "1.0.0", 3)
    workflow.refresh_from_db()
    assert workflow.live.version.number == "1.0.0"


def test_an_override_is_refused_while_there_is_no_gate():
    caller = Caller(make_workflow().project)
    status, said = caller.post("workflows/refund/versions/1.0.0/publication", {"override": {"reason": "x"}})
    assert (status, said["errors"][0]["pointer"]) == (422, "/override")


# Executions.


def test_a_draft_is_tried_by_whoever_may_design():
    workflow = make_workflow()
    caller = Caller(workflow.project)
    caller.post("workflows/refund/versions", {"definition": REFUND, "bump": "minor"})
    body = {"input": ONE, "version": "1.1.0"}
    assert Caller(workflow.project, "execute").post("workflows/refund/executions", body)[0] == 403
    status, said = caller.post("workflows/refund/executions", body)
    assert (status, said["purpose"], said["version"]) == (202, "trial", "1.1.0")
    tried = caller.post("workflows/refund/executions/batch", {"inputs": [ONE, ONE], "version": "1.1.0"})
    assert [row["purpose"] for row in tried[1]["results"]] == ["trial", "trial"]
    asked = caller.post("workflows/refund/executions/batch/estimate", {"inputs": [ONE], "version": "1.1.0"})
    assert (asked[0], asked[1]["executions"]) == (200, 1)


@pytest.mark.parametrize("path", ["executions", "executions/batch", "executions/batch/estimate"])
def test_a_workflow_that_is_not_published_executes_nothing(path):
    caller = Caller(make_workflow().project)
    caller.post("workflows", {"name": "draft", "definition": REFUND})
    body = {"input": ONE} if path == "executions" else {"inputs": [ONE]}
    assert caller.post(f"workflows/draft/{path}", body)[0] == 409
    assert not Execution.objects.exists()
    assert not Call.objects.exists()


def test_every_post_of_the_api_is_tested_here_or_in_its_own_file():
    """A new one has to come with its tests, and then is named here."""
    known = {
        "workflows",
        "workflows/<str:name>/versions",
        "workflows/<str:name>/versions/<str:number>/publication",
        "workflows/<str:name>/executions",
        "workflows/<str:name>/executions/batch",
        "workflows/<str:name>/executions/batch/estimate",
        "workflows/<str:name>/executions/report",  # in tests/executions/test_reports.py
        "executions/<uuid:execution_id>/feedback",  # in tests/executions/test_feedback.py
        "executions/<uuid:execution_id>/cancellation",
        "executions/<uuid:execution_id>/retries",
        "flags/<uuid:flag_id>/resolution",
        "groups/<uuid:group_id>/resolution",  # in tests/designs/test_group_api.py
        # in tests/evaluations/test_api.py
        "workflows/<str:name>/evaluations",
        "workflows/<str:name>/evaluations/estimate",
        "evaluations/<uuid:evaluation_id>/cancellation",
        "evaluations/<uuid:evaluation_id>/results/<int:result_id>/opinion",  # in test_judges.py
        # in tests/evaluations/test_tier_search.py
        "workflows/<str:name>/tier-searches",
        "workflows/<str:name>/tier-searches/estimate",
        "tier-searches/<uuid:search_id>/cancellation",
        # in tests/evaluations/test_replay.py
        "workflows/<str:name>/replays",
        "workflows/<str:name>/replays/estimate",
        "replays/<uuid:replay_id>/cancellation",
        # in tests/designs/test_api.py
        "designs",
        "designs/estimate",
        "designs/<uuid:design_id>/answers",
        "designs/<uuid:design_id>/cancellation",
        "workflows/<str:name>/redesigns",
        "workflows/<str:name>/redesigns/estimate",
        "workflows/<str:name>/archival",  # in test_documents.py
        # in tests/notifications/test_api.py
        "endpoints",
        "endpoints/<uuid:endpoint_id>/secret",
        "endpoints/<uuid:endpoint_id>/test",
        *(f"workflows/<str:name>/cases{more}" for more in ("", "/import")),  # tests/evaluations
        *(f"workflows/<str:name>/cases/<uuid:case_id>/{more}" for more in ("confirmation", "replacement")),
        "deliveries/<uuid:delivery_id>/redelivery",
        "workflows/<str:name>/what-if",  # in tests/analytics/test_what_if.py
    }
    known |= {"digests", "digests/<uuid:digest_id>/test"}  # see tests/reports/test_digests.py
    assert {str(one.pattern) for one in urls.api if "POST" in one.callback.view_class.scopes} == known
