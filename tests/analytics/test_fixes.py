"""Groups that come back after a publication closed them, and how long a flag waits for its fix."""

from datetime import timedelta

import pytest

from executions import resolution
from executions.models import Execution
from executions.resolution import Decision
from tests.cast import make_project

from .learnings import DAY, draft, flagged, group_of, join, learning_of, publish, waiting, workflow_at
from .ledgers import NOON, REAL

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NEVER = {"closed": 0, "recurred": 0, "groups": []}


@pytest.fixture
def workflow():
    return workflow_at()


def recurrence(workflow, **extent):
    return learning_of(workflow, **extent)["recurrence"]


def times(workflow, **extent):
    return learning_of(workflow, **extent)["time_to_fix"]


def test_a_group_that_was_closed_and_is_flagged_again_came_back(workflow):
    one, two, other = (flagged(workflow) for _ in range(3))
    group = group_of(one, two)
    group_of(other)
    publish(workflow, "1.1.0", [one, two, other])
    join(group, flagged(workflow, NOON + DAY + HOUR), flagged(workflow, NOON + DAY + 2 * HOUR))
    assert recurrence(workflow) == {
        "closed": 2,
        "recurred": 1,
        "groups": [
            {
                "id": str(group.pk),
                "step": "classify",
                "reason": "uncovered",
                "version": "1.1.0",
                "closed_at": "2026-11-17T12:00:00Z",
                "flags": 2,
                "latest_at": "2026-11-17T14:00:00Z",
            }
        ],
    }


def test_what_still_runs_on_the_version_before_met_no_fix(workflow):
    before, flag = workflow.live, flagged(workflow)
    group = group_of(flag)
    publish(workflow, "1.1.0", [flag])
    join(group, flagged(workflow, NOON + DAY + HOUR, publication=before))
    assert recurrence(workflow) == {**NEVER, "closed": 1}
    publish(workflow, "1.2.0", at=NOON + 2 * DAY)
    join(group, flagged(workflow, NOON + 3 * DAY))
    assert recurrence(workflow)["recurred"] == 1


def test_the_first_version_that_was_to_close_it_is_named(workflow):
    first = flagged(workflow)
    group = group_of(first)
    publish(workflow, "1.1.0", [first])
    again = flagged(workflow, NOON + DAY + HOUR)
    join(group, again)
    publish(workflow, "1.2.0", [again], at=NOON + 2 * DAY)
    came = recurrence(workflow)
    assert (came["closed"], came["recurred"]) == (1, 1)
    assert (came["groups"][0]["version"], came["groups"][0]["flags"]) == ("1.1.0", 1)


def test_what_is_run_again_and_flagged_again_came_back(workflow):
    flag = waiting(workflow)
    group = group_of(flag)
    published = publish(workflow, "1.1.0", [flag])
    again = Execution.objects.get(rerun_of=flag.execution)
    assert again.publication == published
    join(group, again.flags.create(step="classify", reason="uncovered", waiting=True, created_at=NOON + DAY + HOUR))
    assert recurrence(workflow)["recurred"] == 1


def test_what_somebody_else_decided_before_the_publication_was_not_closed_by_it(workflow):
    flag, other = flagged(workflow), flagged(workflow)
    group_of(flag, other)
    version = draft(workflow, "1.1.0", [flag, other])
    for one in (flag, other):
        resolution.resolve(one, Decision("dismissed", "user:rosa"))
    version.publish("alice")
    assert recurrence(workflow) == NEVER
    assert times(workflow) == {"flags": 0, "p50": None, "p95": None}


def test_a_window_is_of_the_publications_in_it_and_of_flags_until_its_end(workflow):
    flag = flagged(workflow)
    group = group_of(flag)
    publish(workflow, "1.1.0", [flag])
    join(group, flagged(workflow, NOON + 2 * DAY))
    first, second = (NOON + DAY).date(), (NOON + 2 * DAY).date()
    assert recurrence(workflow, since=second) == NEVER
    assert recurrence(workflow, until=first) == NEVER
    assert recurrence(workflow, until=second) == {**NEVER, "closed": 1}
    assert recurrence(workflow, since=first, until=second + DAY)["recurred"] == 1
    assert times(workflow, since=second)["flags"] == 0


def test_simulated_trials_and_what_is_others_are_apart(workflow):
    theirs = workflow_at(project=make_project("bob", tiers=REAL))
    for one in (workflow, theirs):
        real, simulated = flagged(one), flagged(one, simulated=True)
        trial = flagged(one, purpose=Execution.Purpose.TRIAL)
        group = group_of(real, simulated, trial)
        publish(one, "1.1.0", [real, simulated, trial])
        join(group, flagged(one, NOON + 2 * DAY, simulated=True))
        join(group, flagged(one, NOON + 2 * DAY, purpose=Execution.Purpose.TRIAL))
    assert recurrence(workflow) == {**NEVER, "closed": 1}
    assert recurrence(workflow, simulated=True)["groups"][0]["flags"] == 1
    assert times(workflow)["flags"] == 1


def test_the_time_to_a_fix_is_from_the_flag_to_the_publication(workflow):
    flags = [flagged(workflow, NOON - number * HOUR) for number in range(20)]
    publish(workflow, "1.1.0", flags, at=NOON + HOUR)
    assert times(workflow) == {"flags": 20, "p50": 36_000, "p95": 68_400}


def test_it_is_the_publication_that_closed_it_and_not_one_before_or_after(workflow):
    flag = flagged(workflow)
    publish(workflow, "1.1.0", [flag])
    workflow.live.version.publish("alice")
    assert times(workflow) == {"flags": 1, "p50": 86_400, "p95": 86_400}


def test_what_waits_in_redesign_is_counted_with_the_oldest(workflow):
    assert learning_of(workflow)["in_redesign"] == {"flags": 0, "oldest": None}
    flagged(workflow, NOON - DAY)
    for number in range(2):
        flag = flagged(workflow, NOON + number * HOUR)
        resolution.resolve(flag, Decision("redesign", "user:rosa"))
    assert learning_of(workflow)["in_redesign"] == {"flags": 2, "oldest": "2026-11-16T12:00:00Z"}
    assert learning_of(workflow, simulated=True)["in_redesign"] == {"flags": 0, "oldest": None}
