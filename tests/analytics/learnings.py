"""Workflows with several versions, of which the later ones close flags of the earlier; published as the product does it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import time_machine

from analytics.extent import Extent
from analytics.learning.figures import learned
from analytics.learning.representation import represent_learning
from analytics.rollups import fold
from designs.models import Group, Member
from executions.models import Execution, Flag, Status
from tests.cast import REFUND
from workflows.models import Examined, Publication, Version, Workflow

from .ledgers import NOON, make_execution, make_flag, make_measured_workflow

DAY = timedelta(days=1)


def workflow_at(at: datetime = NOON, name: str = "refund", **named) -> Workflow:
    with time_machine.travel(at, tick=False):
        return make_measured_workflow(name, at=at, **named)


def publish(workflow: Workflow, number: str, flags: Iterable[Flag] = (), at: datetime = NOON + DAY) -> Publication:
    """A version that closes these flags goes live."""
    with time_machine.travel(at, tick=False):
        published = draft(workflow, number, flags).publish("alice")
    workflow.refresh_from_db()
    return published


def draft(workflow: Workflow, number: str, flags: Iterable[Flag] = ()) -> Version:
    made = Examined.of(REFUND, workflow.project)
    return workflow.draft(made, number, [str(flag.pk) for flag in flags], created_by="alice")


def ran(workflow: Workflow, at: datetime = NOON, publication: Publication | None = None, **fields) -> Execution:
    """On what is live, unless the test says otherwise."""
    publication = publication or workflow.live
    given = {"version": publication.version, "publication": publication, **fields}
    return make_execution(workflow, at, **given)


def flagged(workflow: Workflow, at: datetime = NOON, **fields) -> Flag:
    return make_flag(ran(workflow, at, **fields), waiting=False, created_at=at)


def waiting(workflow: Workflow, at: datetime = NOON, **fields) -> Flag:
    """One for which its execution stands still."""
    return make_flag(ran(workflow, at, status=Status.ESCALATED, **fields), created_at=at)


def group_of(*flags: Flag) -> Group:
    first = flags[0]
    group = Group.objects.create(
        workflow=first.execution.workflow, step=first.step, reason=first.reason, first=first, latest=flags[-1].pk
    )
    join(group, *flags)
    return group


def join(group: Group, *flags: Flag) -> None:
    Member.objects.bulk_create(Member(flag=flag, group=group, similarity=1.0) for flag in flags)


def learning_of(workflow: Workflow, **extent) -> dict:
    """As the API shows it, of real money unless the test says otherwise. It is asked of what is pending, and of what is folded."""
    about = Extent(workflow.project, workflow, **{"simulated": False, **extent})
    pending = represent_learning(learned(about))
    while fold():
        pass
    assert represent_learning(learned(about)) == pending
    return pending
