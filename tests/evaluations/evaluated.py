"""Cases and evaluations of Alice's refund workflow, for tests."""

from evaluations import asking, replaying, running
from evaluations.asking import Asked
from evaluations.models import Case, Evaluation, Replay
from evaluations.series import Series
from executions import errands, worker
from executions.drivers import plain
from workflows.models import Examined, Version, Workflow

ROUNDS = 200


def add_case(workflow: Workflow, input: object, expected: object = None, **said: object) -> Case:
    """A confirmed one; without an expected answer it is uncovered."""
    flagged = expected is None
    said = {"kind": "uncovered" if flagged else "covered", "expects_flag": flagged, **said}
    case = Case(workflow=workflow, input=input, expected=expected, created_by="alice", **said)
    case.content_hash = case.hashed()
    case.save()
    return case


def add_messages(workflow: Workflow, count: int, kind: str = "refund", first: int = 0) -> list[Case]:
    """`count` messages that are `kind`: refund or other."""
    return [
        add_case(workflow, {"message": f"{kind} number {first + n}"}, {"kind": kind}, tags=[kind]) for n in range(count)
    ]


def draft(workflow: Workflow, number: str = "1.1.0", **changed: object) -> Version:
    definition = {**workflow.versions.order_by("pk").first().definition, **changed}
    return workflow.draft(Examined.of(definition, workflow.project), number, created_by="alice")


def evaluate(version: Version, **asked: object) -> Evaluation:
    """Begun, and taken to its end."""
    return complete(asking.begin(asking.examine(Asked(version, **asked), "alice")))


def replay(version: Version, **wanted: object) -> Replay:
    """Begun, and taken to its end."""
    return complete(replaying.begin(replaying.examine(replaying.Wanted(version, **wanted), "alice")))


def complete(series: Series) -> Series:
    """Does what workers do, in this thread, until nothing goes on by itself."""
    for _ in range(ROUNDS):
        running.advance(series)
        series.refresh_from_db()
        if series.status != Series.Status.RUNNING:
            return series
        for execution in series.results.filter(finished_at=None, execution__status="queued").values_list(
            "execution", flat=True
        ):
            plain.advance(execution, worker.current())
        errands.wait()
    raise AssertionError("it does not end")
