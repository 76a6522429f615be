"""An uncovered case is never silently dropped: whatever models, tools, people and crashes do to an execution, in whatever order, it
is in a state of the contract, and where it stands still for a person an open flag says so. Many lives by chance, each of
which follows from its number."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from django.utils import timezone

from executions import control, engine, queue, resolution, states, store, turns, worker
from executions.drivers import plain
from executions.effects import AskModel, CallTool
from executions.models import Event, Execution, Flag, Status, Worker
from executions.resolution import ABSENT, Decision
from executions.tracking import DESIGNED
from gateway import pressure
from gateway.models import Call, Intent
from gateway.providers.registry import register
from gateway.types import (
    AccessDenied,
    Completion,
    NotSent,
    NotTheProtocol,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Request,
    Stop,
    Throttled,
    Usage,
)
from projects import tools
from projects.models import Project
from projects.tools import ToolError
from tests.cast import REFUND, envelope, make_workflow
from wire.money import to_pico
from wire.problems import Problem
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

GOOD = envelope({"kind": "refund"})
RECITAL = "You carry out one step of a workflow that was designed in advance. Do exactly what it says."
# What a model does: a text, how it stopped, or an error.
DOES = {
    "answers well": GOOD,
    "is unsure": envelope({"kind": "refund"}, confidence=0.1),
    "answers nonsense": "Well.",
    "breaks the schema": envelope({"kind": "moon"}),
    "recites": envelope({"kind": "refund"}, rationale=RECITAL),
    "does not know": envelope(status="uncovered", uncovered="The moon."),
    "recognises a case": envelope(status="escalate", edge_case="injury"),
    "refuses": Stop.REFUSAL,
    "is cut": Stop.MAX_TOKENS,
    "is another": "another model",
    **{kind.__name__: kind for kind in (Throttled, Rejected, AccessDenied, NotTheProtocol, OutcomeUnknown, NotSent)},
}
MESSAGES = [
    "A refund",
    "My parcel",
    "",
    "A refund, and break",
    "A refund, and loop",
    "A refund, refused",
    "A refund, of nothing",
]
CODE = """
def run(input, steps):
    if 'break' in input['message']:
        return 1 / 0
    return {'text': input['message']}
"""
WITH_A_TOOL = {
    **REFUND,
    "steps": [
        {**REFUND["steps"][0], "code": CODE},
        REFUND["steps"][1],
        {"id": "pay", "kind": "tool", "tool": "never.pay", "arguments": {"message": "input['message']"}},
    ],
    "result": {"kind": "steps['classify']['kind'] if 'nothing' not in input['message'] else 7"},
}


class Player:
    """A model of every name that does what is next on its list, and answers well behind that."""

    protocol, simulated = "scripted", True

    def __init__(self) -> None:
        self.next: deque[str] = deque()

    async def complete(self, request: Request) -> Completion:
        does = DOES[self.next.popleft()] if self.next else GOOD
        if isinstance(does, type) and issubclass(does, ProviderError):
            raise does("It did on purpose.")
        usage = Usage(input=100, output=10)
        if isinstance(does, Stop):
            return Completion(GOOD, request.model, usage, does)
        if does == "another model":
            return Completion(GOOD, "claude-instant-1", usage)
        return Completion(does, request.model, usage)


class Died(BaseException):
    """The process is gone: nobody catches that, and nobody writes anything any more."""


class Bank:
    """What the tool calls. It can take the worker with it."""

    deadly = False

    def pay(self, message: str) -> dict:
        if self.deadly:
            self.deadly = False
            raise Died
        if "refused" in message:
            raise ToolError("The bank refuses.")
        return {"paid": True}


bank = Bank()


WHAT = {"go_on": 3, "resolve": 6, "resolve_again": 1, "crash_at_a_model": 1, "crash_at_a_tool": 3}
WHAT |= {"retry": 1, "reopen": 1, "rerun": 1, "cancel": 1, "another_cap": 2, "publish": 1}
CAPS = [to_pico(Decimal("0.05")), to_pico(Decimal(1))]  # of an execution: the first is too low for asking the frontier
HOW = ["output", "step_output", "dismissed", "retry", "retry"]
FAILURES = {"provider_rejected", "provider_protocol", "model_mismatch", "poisoned", "deadline"}


class Life:
    """An execution, and those that it was run again as: the last of them is what happens to."""

    def __init__(self, workflow: Workflow, player: Player, number: int) -> None:
        self.workflow, self.player, self.chance = workflow, player, Random(number)
        live = workflow.live
        message = self.chance.choice(MESSAGES)
        self.all = [queue.submit(live.version, live, {"message": message}, actor="test").pk]

    @property
    def one(self) -> Execution:
        return Execution.objects.get(pk=self.all[-1])

    def move(self, what: str) -> None:
        """Something happens; then a worker goes on with it, where there is something to do."""
        getattr(self, what)()
        if what != "cancel":
            self.player.next = deque(self.chance.choices(sorted(DOES), k=self.chance.randrange(5)))
            pressure._gates.clear()
            plain.advance(self.one.pk, worker.current())

    def go_on(self) -> None:
        queue.requeue(self.one.pk, Status.WAITING, actor="sweeper")

    def crash_at_a_model(self) -> None:
        """Another worker takes it, and dies with a call in flight: its intent is committed."""
        self.go_on()
        other = Worker.objects.create(name="other")
        if lease := store.claim(self.one.pk, other.pk):
            run, answer, effect = store.begin(lease), None, None
            generator = engine.advance(run)
            with suppress(StopIteration):
                while not isinstance(effect := generator.send(answer), AskModel | CallTool):
                    answer = turns.compute(run, effect)
                if isinstance(effect, AskModel):
                    store.checkpoint(lease, run.journal, effect.intent)
        Worker.objects.filter(pk=other.pk).update(ended_at=timezone.now())

    def crash_at_a_tool(self) -> None:
        self.go_on()
        bank.deadly, died = True, worker.current()
        with suppress(Died):
            plain.advance(self.one.pk, died)
        bank.deadly, worker._current = False, None
        Worker.objects.filter(pk=died).update(ended_at=timezone.now())

    def another_cap(self) -> None:
        Project.objects.filter(pk=self.workflow.project_id).update(execution_cap=self.chance.choice(CAPS))

    def resolve(self) -> None:
        """The flag that waits, else any that is open."""
        self._resolve(self.one.flags.filter(state="open").order_by("-waiting").first())

    def resolve_again(self) -> None:
        self._resolve(self.one.flags.exclude(state="open").first())

    def reopen(self) -> None:
        if flag := self.one.flags.exclude(state="open").first():
            self._or_conflict(lambda: resolution.reopen(flag, "rosa"))

    def retry(self) -> None:
        self._or_conflict(lambda: control.retry(self.one, "rosa"))

    def cancel(self) -> None:
        self._or_conflict(lambda: control.cancel(self.one, "rosa"))

    def rerun(self) -> None:
        live = self.workflow.live
        self._or_conflict(lambda: self.all.append(control.rerun(self.one, live.version, live, "rosa")))

    def publish(self) -> None:
        """A version that is to close every flag it may."""
        flags = self.one.flags.filter(state="open").exclude(reason__in=DESIGNED)
        made = Examined.of(WITH_A_TOOL, self.workflow.project)
        listed = [str(pk) for pk in flags.values_list("pk", flat=True)]
        self.workflow.draft(made, self.workflow.number_after("patch"), listed, created_by="rosa").publish("rosa")
        self.workflow = Workflow.objects.get(pk=self.workflow.pk)
        if went_on_as := self.one.superseded_by:
            self.all.append(went_on_as)

    def _resolve(self, flag: Flag | None) -> None:
        if flag is None:
            return
        how, answer = self.chance.choice(HOW), self.chance.choice([{"kind": "other"}, {"kind": "other"}, {"sort": 7}])
        given = {"output": (answer, ABSENT), "step_output": (ABSENT, answer)}.get(how, (ABSENT, ABSENT))
        decision = Decision("answered" if how in ("output", "step_output") else how, "rosa", *given)
        before = self._seen()
        if not self._or_conflict(lambda: resolution.resolve(flag, decision)):
            assert self._seen() == before

    def _or_conflict(self, verb: Callable[[], object]) -> bool:
        try:
            verb()
        except Problem as problem:
            assert problem.status in (409, 422)
            return False
        return True

    def _seen(self) -> tuple:
        one = self.one
        flags = list(one.flags.order_by("pk").values_list("pk", "state", "waiting"))
        return one.status, one.output, one.resolved_by, flags, one.steps.count()


def assert_it_says_why_it_stands_still(execution: Execution, number: int) -> None:
    waiting = execution.flags.filter(state="open", waiting=True)
    assert execution.status in Status.values
    assert (execution.status == Status.ESCALATED) is waiting.exists(), f"life {number}"
    assert waiting.count() <= 1
    assert (execution.status == Status.COMPLETED) is bool(execution.resolved_by)
    assert (execution.output is not None) is (execution.status == Status.COMPLETED)
    assert (execution.error is not None) or execution.status not in (Status.FAILED, Status.WAITING)
    assert execution.status != Status.FAILED or execution.error["code"] in FAILURES
    assert execution.status != Status.RUNNING


def assert_its_history_is_one_chain(execution: Execution) -> None:
    moves = list(
        Event.objects.filter(execution=execution).exclude(after="").order_by("pk").values_list("before", "after")
    )
    assert moves[-1][1] == execution.status
    for (_, reached), (left, after) in pairwise(moves):
        assert reached == left
        assert after in states.ALLOWED[left]
    done = list(execution.steps.filter(status__in=("done", "skipped")).values_list("step", flat=True))
    assert len(done) == len(set(done))


def assert_every_call_is_typed_and_priced(execution: Execution) -> None:
    assert not Call.objects.filter(execution=execution.pk, cost=None).exists()
    assert not Intent.objects.filter(execution=execution.pk, calls=None).exists()


@pytest.fixture
def player(monkeypatch):
    monkeypatch.setattr(tools, "_registry", tools.registered())
    monkeypatch.setattr("executions.patience.random.random", lambda: 0.99)  # waits are given back, and never slept
    schema = {"type": "object", "properties": {"message": {"type": "string"}}}
    tools.tool("never.pay", description="Pays.", input_schema=schema, side_effects=True)(bank.pay)
    player = Player()
    register("scripted", player)
    return player


def test_no_order_of_events_drops_a_case(player):
    workflow = make_workflow(WITH_A_TOOL, tools=("never.pay",))
    for number in range(100):
        life = Life(workflow, player, number)
        for what in ["another_cap", *life.chance.choices(list(WHAT), WHAT.values(), k=8)]:
            life.move(what)
            for execution in Execution.objects.filter(pk__in=life.all):
                assert_it_says_why_it_stands_still(execution, number)
                assert_its_history_is_one_chain(execution)
                assert_every_call_is_typed_and_priced(execution)
    # Else it would have proven nothing.
    statuses = {"completed", "escalated", "failed", "waiting", "cancelled"}
    assert set(Execution.objects.values_list("status", flat=True)) >= statuses
    assert set(Execution.objects.values_list("resolved_by", flat=True)) == {"", "workflow", "frontier", "human"}
    assert set(Flag.objects.values_list("reason", flat=True)) == set(Flag.Reason.values) - {"review", "spot_check"}
    assert set(Flag.objects.values_list("resolution", flat=True)) == {"", "answered", "dismissed", "retry", "redesign"}
    again, left = Execution.objects.exclude(superseded_by=None), Event.objects.filter(kind="not run again")
    assert again.exists() and left.exists()


def test_what_stood_behind_the_cap_waits_once_the_cap_is_raised(player):
    workflow = make_workflow(WITH_A_TOOL, tools=("never.pay",))
    Project.objects.update(execution_cap=CAPS[0])
    life = Life(workflow, player, 1)
    Execution.objects.update(input={"message": "A refund"})
    player.next = deque(["is unsure"])
    plain.advance(life.one.pk, worker.current())
    assert set(life.one.flags.values_list("reason", "waiting")) == {("low_confidence", False), ("budget", True)}
    Project.objects.update(execution_cap=CAPS[1])
    resolution.resolve(life.one.flags.get(reason="budget"), Decision("retry", "rosa"))
    player.next = deque(["is unsure"])
    plain.advance(life.one.pk, worker.current())
    assert life.one.status == Status.ESCALATED
    assert set(life.one.flags.values_list("reason", "state", "waiting")) == {
        ("low_confidence", "open", True),
        ("budget", "resolved", True),
    }
