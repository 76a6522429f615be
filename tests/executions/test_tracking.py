"""Did it follow the workflow, what was unexpected, should the workflow change: of executions as they really went."""

import pytest

from executions import worker
from executions.drivers import plain
from executions.models import Flag
from projects.models import Scope
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.neighbours import client_of

pytestmark = pytest.mark.django_db

GOOD = {"text": envelope({"kind": "refund"})}
OTHER = {"text": envelope({"kind": "other"})}
UNSURE = {"model": "claude-haiku-5-5", "text": envelope({"kind": "other"}, confidence=0.3)}
UNCOVERED = {"text": envelope(status="uncovered", uncovered="The moon.")}
INJURED = {"text": envelope(status="escalate", edge_case="injury")}

AS_DESIGNED = {"followed": True, "unexpected": [], "update_suggested": False}


@pytest.fixture
def workflow():
    return make_workflow()


def tracking(execution):
    shown = client_of(execution.project, Scope.READ).get(f"/api/v1/executions/{execution.pk}")
    return shown.json()["tracking"]


def resolve(execution, **decision):
    path = f"/api/v1/flags/{Flag.objects.get().pk}/resolution"
    came = client_of(execution.project, Scope.REVIEW).post(path, decision, content_type="application/json")
    assert came.status_code == 200, came.content
    plain.advance(execution.pk, worker.current())
    return execution


def test_what_went_as_designed_followed(workflow):
    models_answer(GOOD)
    assert tracking(execute(workflow)) == AS_DESIGNED


def test_a_repaired_answer_was_unexpected_and_shows_no_gap(workflow):
    models_answer({**GOOD, "times": 1}, OTHER)
    assert tracking(execute(workflow, "Where is my parcel?")) == {
        "followed": False,
        "unexpected": ["The message does not speak of a refund."],
        "update_suggested": False,
    }


def test_while_a_person_has_to_decide_nobody_knows_whether_it_followed(workflow):
    models_answer(UNCOVERED)
    said = tracking(execute(workflow))
    assert (said["followed"], said["update_suggested"]) == (None, True)
    assert "The moon." in said["unexpected"][0]


def test_what_the_frontier_answered_did_not_follow_even_where_a_person_dismisses_the_flag(workflow):
    models_answer(UNSURE, OTHER)
    execution = execute(workflow)
    said = tracking(execution)
    assert (said["followed"], len(said["unexpected"]), said["update_suggested"]) == (False, 1, True)
    resolve(execution, resolution="dismissed")
    assert tracking(execution) == {**said, "update_suggested": False}


def test_a_false_alarm_was_nothing_unexpected(workflow):
    models_answer({"text": envelope({"kind": "other"}, confidence=0.3)})
    execution = resolve(execute(workflow), resolution="dismissed")
    assert tracking(execution) == AS_DESIGNED


def test_a_case_that_the_design_escalates_goes_as_designed(workflow):
    models_answer(INJURED)
    execution = resolve(execute(workflow), resolution="answered", output={"kind": "other"})
    assert tracking(execution) == AS_DESIGNED


def test_what_a_person_answered_did_not_follow(workflow):
    models_answer(UNCOVERED)
    execution = resolve(execute(workflow), resolution="answered", output={"kind": "other"})
    said = tracking(execution)
    assert (said["followed"], len(said["unexpected"]), said["update_suggested"]) == (False, 1, True)


def test_what_was_mended_outside_asks_for_no_change(workflow):
    models_answer(UNCOVERED)
    execution = execute(workflow)
    models_answer(GOOD)
    said = tracking(resolve(execution, resolution="retry"))
    assert (said["followed"], len(said["unexpected"]), said["update_suggested"]) == (False, 1, False)
