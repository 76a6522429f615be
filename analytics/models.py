"""Daily cells, and what is not in a cell yet. All of it can be built anew from the ledger and the executions.

A cell is a row per key; its id is the fingerprint of the key, so that a key with nulls is unique on every database.
Money is in pico-dollars. Ids are plain: a cell outlives nothing, and holds nothing up.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from operator import add
from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from executions.models import Status
from wire import among  # noqa: F401 - the lookup that the queries on these tables use

from .usage.models import UsageImport, UsageRow  # noqa: F401 - of this app too


class Pending(models.Model):
    """That a row is not in the cells yet. Written by triggers (see `triggers`), in the transaction of the row itself."""

    project = models.BigIntegerField()
    workflow = models.BigIntegerField(null=True)
    call = models.UUIDField(null=True, help_text="A new row of the ledger,")
    corrects = models.UUIDField(null=True, help_text="and the row that it corrects.")
    execution = models.UUIDField(null=True, help_text="An execution that was accepted, finished, or changed after it.")
    accepted = models.BooleanField()

    def __str__(self) -> str:
        return f"call {self.call}" if self.call else f"execution {self.execution}"


class DailyCell(models.Model):
    """`KEY` says which rows a cell is about, `FIGURES` how two figures of the same key become one."""

    KEY: ClassVar[tuple[str, ...]]
    FIGURES: ClassVar[dict[str, Callable[[Any, Any], Any]]]

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.BigIntegerField()
    workflow = models.BigIntegerField(null=True)
    simulated = models.BooleanField()
    day = models.DateField(help_text="UTC")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.day}"

    @staticmethod
    def id_of(key: tuple) -> UUID:
        return UUID(bytes=blake2b(repr(key).encode(), digest_size=16).digest())


def _indexed(name: str) -> list[models.Index]:
    """One workflow's days, or a project's, of one kind of money."""
    return [models.Index(fields=["project", "simulated", "workflow", "day"], name=name)]


TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
CACHE_PRICES = ("price_input", "price_cache_read", "price_cache_write_5m", "price_cache_write_1h")


class CallCell(DailyCell):
    """Calls by the day they finished. The prices of the key are what `cache_savings` needs; they tell the prompt-size
    classes of the price table apart. `doubted`: in doubt, or the correction of a call in doubt."""

    KEY = (
        *("project", "workflow", "version", "step", "tier", "provider", "model_planned", "purpose", "lane", "outcome"),
        *("simulated", "reported", "batch", "trial", "doubted", *CACHE_PRICES, "day"),
    )
    FIGURES = dict.fromkeys(("calls", "unpriced", "cost", *TOKENS, "batch_saved", "batch_unknown"), add)

    version = models.BigIntegerField(null=True)
    step = models.CharField(max_length=100)
    tier = models.CharField(max_length=10)
    provider = models.CharField(max_length=50)
    model_planned = models.CharField(max_length=200)
    purpose = models.CharField(max_length=12)
    lane = models.CharField(max_length=10)
    outcome = models.CharField(max_length=14)
    reported = models.BooleanField()
    batch = models.BooleanField()
    trial = models.BooleanField()
    doubted = models.BooleanField()
    price_input = models.BigIntegerField(null=True)
    price_cache_read = models.BigIntegerField(null=True)
    price_cache_write_5m = models.BigIntegerField(null=True)
    price_cache_write_1h = models.BigIntegerField(null=True)

    calls = models.BigIntegerField(default=0, help_text="Without those that correct another.")
    unpriced = models.BigIntegerField(default=0, help_text="Without a cost, and without a correction that has one.")
    cost = models.BigIntegerField(default=0)
    input = models.BigIntegerField(default=0)
    cache_read = models.BigIntegerField(default=0)
    cache_write_5m = models.BigIntegerField(default=0)
    cache_write_1h = models.BigIntegerField(default=0)
    output = models.BigIntegerField(default=0)
    batch_saved = models.BigIntegerField(default=0)
    batch_unknown = models.BigIntegerField(default=0, help_text="In a batch, and one of the two prices is not known.")

    class Meta:
        indexes = _indexed("call_cell_days")


class AnswerCell(DailyCell):
    """The answers that completed executions used, by the day those completed: what all-frontier would have had to pay.

    The tokens, the day of the call and the size of the prompt are there to be repriced, where a person states another
    baseline afterwards. A count `…_priced` below `answers` says that some had no price. The prices of the key are the
    standard ones of the model that answered, also of a batch: what a waterfall tells tier, cache and batch apart by.
    """

    KEY = (
        *("project", "workflow", "version", "step", "simulated", "by_frontier", "baseline_model", "call_day", "size"),
        *(*CACHE_PRICES, "day"),
    )
    FIGURES = {
        **dict.fromkeys(("answers", "own", "own_priced", "warm", "warm_priced", "cold", "cold_priced", *TOKENS), add),
        **dict.fromkeys(("batch_saved", "batch_unknown"), add),
        "least_prompt": min,
        "most_prompt": max,
    }

    version = models.BigIntegerField(null=True)
    step = models.CharField(max_length=100)
    by_frontier = models.BooleanField(help_text="Answered by the frontier: it counts at its own cost.")
    baseline_model = models.CharField(max_length=250)
    call_day = models.DateField(help_text="UTC")
    size = models.BigIntegerField(help_text="The smallest prompt of its size class, in tokens.")
    price_input = models.BigIntegerField(null=True)
    price_cache_read = models.BigIntegerField(null=True)
    price_cache_write_5m = models.BigIntegerField(null=True)
    price_cache_write_1h = models.BigIntegerField(null=True)

    answers = models.BigIntegerField(default=0)
    own = models.BigIntegerField(default=0)
    own_priced = models.BigIntegerField(default=0)
    warm = models.BigIntegerField(default=0)
    warm_priced = models.BigIntegerField(default=0)
    cold = models.BigIntegerField(default=0)
    cold_priced = models.BigIntegerField(default=0)
    input = models.BigIntegerField(default=0)
    cache_read = models.BigIntegerField(default=0)
    cache_write_5m = models.BigIntegerField(default=0)
    cache_write_1h = models.BigIntegerField(default=0)
    output = models.BigIntegerField(default=0)
    batch_saved = models.BigIntegerField(default=0)
    batch_unknown = models.BigIntegerField(default=0, help_text="In a batch, and one of the two prices is not known.")
    least_prompt = models.BigIntegerField(help_text="Of all that were ever in it, in tokens.")
    most_prompt = models.BigIntegerField(help_text="Likewise.")

    class Meta:
        indexes = _indexed("answer_cell_days")


class ExecutionCell(DailyCell):
    """Production executions: accepted by the day of acceptance, the others by the day they finished. And `reported` ones, which
    are counted as nothing else. What is accepted has no lane yet: the design may choose it later."""

    KEY = ("project", "workflow", "version", "simulated", "lane", "day")
    FIGURES = dict.fromkeys(
        ("accepted", "completed", "rejected", "failed", "flagged", "reported", "completed_flagged"), add
    )

    version = models.BigIntegerField()
    lane = models.CharField(max_length=10)
    accepted = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0, help_text="Without those that feedback rejected.")
    rejected = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    flagged = models.BigIntegerField(default=0, help_text="Of those that completed or failed: with a flag.")
    reported = models.BigIntegerField(default=0)
    completed_flagged = models.BigIntegerField(default=0, help_text="Of those that completed, and were not rejected.")

    class Meta:
        indexes = _indexed("execution_cell_days")


class LatencyCell(DailyCell):
    """How long completed executions took: a histogram (see `latency`). Without a workflow, and without a version: of all of the
    project's."""

    KEY = ("project", "workflow", "version", "simulated", "lane", "day")
    HISTOGRAMS: ClassVar[tuple[str, ...]] = ("histogram",)

    version = models.BigIntegerField(null=True)
    lane = models.CharField(max_length=10)
    histogram = models.JSONField(default=dict)

    class Meta:
        indexes = _indexed("latency_cell_days")


class AskedCell(DailyCell):
    """Calls that were answered, and that no agent reported: how long they took, and how large the stable part of their prompts
    was, which a cache could hold. Two histograms in the same steps."""

    KEY = (
        *("project", "workflow", "simulated", "version", "step", "tier", "provider", "model_planned", "lane", "day"),
    )
    HISTOGRAMS: ClassVar[tuple[str, ...]] = ("histogram", "prefixes")

    version = models.BigIntegerField(null=True)
    step = models.CharField(max_length=100)
    tier = models.CharField(max_length=10)
    provider = models.CharField(max_length=50)
    model_planned = models.CharField(max_length=200)
    lane = models.CharField(max_length=10)
    histogram = models.JSONField(default=dict)
    prefixes = models.JSONField(default=dict, help_text="In tokens.")

    class Meta:
        indexes = _indexed("asked_cell_days")


REJECTED = "rejected"  # completed, and its answer was wrong


class Standing(models.Model):
    """What one finished execution has added to the cells. Should it change, just that is taken away again."""

    execution = models.UUIDField(primary_key=True, editable=False)
    project = models.BigIntegerField()
    workflow = models.BigIntegerField()
    ended = models.CharField(
        max_length=10, choices=[(one, one) for one in (Status.COMPLETED.value, Status.FAILED.value, REJECTED)]
    )
    day = models.DateField(help_text="UTC")
    flagged = models.BooleanField()
    latency_ms = models.BigIntegerField()
    lane = models.CharField(max_length=10)

    class Meta:
        indexes = [models.Index(fields=["workflow", "day"], name="standing_day")]

    def __str__(self) -> str:
        return f"{self.ended} on {self.day}"


class Escalation(models.Model):
    """That an execution stood escalated over at least one midnight, or stands so now: finished, at the end of those days."""

    execution = models.UUIDField()
    project = models.BigIntegerField()
    workflow = models.BigIntegerField()
    simulated = models.BooleanField()
    began = models.DateField(help_text="UTC")
    ended = models.DateField(null=True, help_text="UTC; null: it still stands so.")
    flagged = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "simulated", "workflow", "began"], name="escalation_days"),
            models.Index(fields=["execution"], name="escalation_execution"),
        ]

    def __str__(self) -> str:
        return f"escalated from {self.began} to {self.ended or 'now'}"
