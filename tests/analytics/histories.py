"""Random histories of a project, written as the product writes them, over several days with many midnights."""

from datetime import datetime, timedelta
from random import Random

import time_machine
from django.db import transaction

from executions import feedback, states
from executions.feedback import Opinion
from executions.models import Execution, Status, StepResult
from gateway import gateway
from gateway.models import Call
from gateway.types import Outcome, Purpose, Usage
from workflows.models import Workflow

from .ledgers import HAIKU, NOON, OPUS, build_call, build_execution, make_doubted_call, make_flag, use

NOBODY = "anthropic:claude-nobody-1"  # has no price
TIERED = "anthropic:claude-haiku-5-5"  # dearer above 100,000 tokens


class History:
    """Every step happens at `now`, which only goes forward."""

    def __init__(self, seed: int, workflows: list[Workflow]) -> None:
        self.random, self.workflows, self.now = Random(seed), workflows, NOON

    def goes_on(self, steps: int) -> None:
        what_happens = {
            self.accept: 5,
            self.call: 8,
            self.correct: 2,
            self.end: 6,
            self.escalate: 3,
            self.answer: 3,
            self.retry: 2,
            self.flag: 2,
            self.judge: 3,
            self.report: 2,
        }
        for step in self.random.choices(list(what_happens), list(what_happens.values()), k=steps):
            self.now += timedelta(microseconds=self.random.choice([1, 10**6, 10**9, 10**10]))
            with time_machine.travel(self.now, tick=False), transaction.atomic():
                step()

    def accept(self) -> None:
        workflow = self.random.choice(self.workflows)
        fields = {"simulated": self.random.random() < 0.3}
        if self.random.random() < 0.15:
            fields.update(purpose=Execution.Purpose.TRIAL, publication=None)
        baseline = self.random.choice([OPUS, OPUS, TIERED, NOBODY, ""])
        fields.update(created_at=self.now, finished_at=None, baseline_model=baseline)
        fields["lane"] = self.random.choice(["fast", "fast", "quality", ""])  # "": the design has not chosen yet
        build_execution(workflow, status=Status.RUNNING, **fields).save(force_insert=True)

    def call(self) -> None:
        self.build_call().save(force_insert=True)

    def build_call(self) -> Call:
        execution = self.any_execution()
        usage = Usage(
            input=self.random.choice([10, 1_000, 120_000]),
            cache_read=self.random.choice([0, 0, 5_000]),
            cache_write_5m=self.random.choice([0, 0, 300]),
            output=self.random.randrange(2_000),
        )
        fields = {
            "purpose": self.random.choice([Purpose.STEP] * 4 + list(Purpose)),
            "outcome": self.random.choice([Outcome.OK] * 4 + list(Outcome)),
            "step": f"step_{self.random.randrange(10**6)}",
            "batch": self.random.random() < 0.1,
            "reported": self.random.random() < 0.05,
            "tier": self.random.choice(["cheap", "frontier"]),
            "lane": execution.lane if execution else "",
            "latency_ms": self.random.randrange(5_000),
            "prefix_tokens": self.random.choice([0, 700, 5_000]),
        }
        if execution is None:
            fields["project"] = self.workflows[0].project_id
        model = self.random.choice([HAIKU, HAIKU, TIERED, OPUS, NOBODY])
        baseline = execution.baseline_model if execution else ""
        return build_call(execution, model, usage, at=self.now, baseline=baseline, **fields)

    def correct(self) -> None:
        """A call in doubt; or an answer that turns up for one, perhaps days later."""
        doubted = Call.objects.filter(outcome=Outcome.IN_DOUBT, corrects=None, correction=None)
        doubted = doubted.filter(execution__isnull=False).order_by("?").first()
        if doubted is None or self.random.random() < 0.5:
            if execution := self.any_execution():
                make_doubted_call(execution, self.random.choice([None, 7_000_000_001]), at=self.now)
            return
        execution = Execution.objects.get(pk=doubted.execution)
        model = self.random.choice([HAIKU, NOBODY])
        gateway.late(build_call(execution, model, Usage(input=900), at=self.now), doubted).save(force_insert=True)

    def end(self) -> None:
        execution = self.any_execution(Status.RUNNING)
        if execution is None:
            return
        after = self.random.choice([Status.COMPLETED] * 4 + [Status.FAILED, Status.CANCELLED])
        # The row is stamped an instant before its event, which may stand on the next day.
        stamped = self.now - timedelta(microseconds=self.random.choice([0, 1, 200]))
        states.move(execution.pk, Status.RUNNING, after, actor="worker", finished_at=stamped)
        if after == Status.COMPLETED:
            self.use_answers(execution)

    def use_answers(self, execution: Execution) -> None:
        for call in Call.objects.filter(execution=execution.pk).exclude(outcome=Outcome.IN_DOUBT):
            status = self.random.choice([StepResult.Status.DONE] * 3 + [StepResult.Status.REJECTED])
            answered_by = self.random.choice([Execution.Resolver.WORKFLOW] * 3 + [Execution.Resolver.FRONTIER])
            if not StepResult.objects.filter(execution=execution, step=call.step).exists():
                use(call, status=status, answered_by=answered_by).save()

    def escalate(self) -> None:
        if execution := self.any_execution(Status.RUNNING):
            states.move(execution.pk, Status.RUNNING, Status.ESCALATED, actor="worker")
            if self.random.random() < 0.8:
                self.flag(execution)

    def answer(self) -> None:
        execution = self.any_execution(Status.ESCALATED)
        if execution is None:
            return
        after = self.random.choice([Status.COMPLETED, Status.QUEUED, Status.CANCELLED])
        ended = {} if after == Status.QUEUED else {"finished_at": self.now - timedelta(microseconds=1)}
        states.move(execution.pk, Status.ESCALATED, after, actor="rita", **ended)
        if after == Status.QUEUED:
            states.move(execution.pk, Status.QUEUED, Status.RUNNING, actor="worker")
        elif after == Status.COMPLETED:
            self.use_answers(execution)

    def retry(self) -> None:
        if execution := self.any_execution(Status.FAILED):
            states.move(execution.pk, Status.FAILED, Status.QUEUED, actor="rita", finished_at=None)
            chosen = execution.lane or self.random.choice(["fast", "quality"])
            states.move(execution.pk, Status.QUEUED, Status.RUNNING, actor="worker", lane=chosen)

    def flag(self, execution: Execution | None = None) -> None:
        if execution := execution or self.any_execution():
            make_flag(execution, reason=f"r{self.random.randrange(10**6)}", waiting=False)

    def judge(self) -> None:
        """Perhaps again, and perhaps otherwise than before."""
        if execution := self.any_execution(Status.COMPLETED):
            feedback.give(execution, Opinion(self.random.random() < 0.4, "rita"))

    def report(self) -> None:
        """What an agent executed itself, perhaps on an earlier day."""
        ended = self.now - timedelta(hours=self.random.choice([0, 0, 30]))
        fields = {"simulated": self.random.random() < 0.3, "created_at": self.now, "finished_at": ended}
        fields["purpose"] = Execution.Purpose.REPORTED
        status = self.random.choice([Status.COMPLETED, Status.COMPLETED, Status.ESCALATED, Status.FAILED])
        execution = build_execution(self.random.choice(self.workflows), status=status, **fields)
        execution.save(force_insert=True)
        for _ in range(self.random.randrange(3)):
            model = self.random.choice([HAIKU, NOBODY])
            build_call(execution, model, Usage(input=500), at=ended, baseline="", reported=True).save(force_insert=True)

    def any_execution(self, status: Status | None = None) -> Execution | None:
        found = Execution.objects.exclude(purpose=Execution.Purpose.REPORTED)
        found = found.filter(status=status) if status else found
        ids = sorted(found.values_list("pk", flat=True))
        return Execution.objects.get(pk=self.random.choice(ids)) if ids else None

    @property
    def until(self) -> datetime:
        return self.now
