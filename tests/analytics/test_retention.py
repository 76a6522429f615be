"""Texts go, and no figure changes: every summary is the same to the last digit before and after, and `reconcile` is content."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from analytics.baselines import Method
from analytics.costs import summarise
from analytics.extent import Extent
from analytics.groups import GROUPINGS, grouped
from analytics.representation import represent_group, represent_summary
from analytics.rollups import fold_batch
from executions import retention
from executions.models import FINAL, Event, Execution, Flag, StepResult
from gateway.models import Call, Intent, Payload

from .histories import History
from .ledgers import HAIKU, NOON, OPUS, make_measured_workflow, make_project, state_baseline

pytestmark = pytest.mark.django_db


def every_figure(workflows) -> dict:
    """Each kind of summary that there is, by each method, and each of its groups."""
    project, found = workflows[0].project, {}
    for workflow in (None, *workflows):
        for simulated in (False, True):
            extent = Extent(project, workflow, simulated, NOON.date() + timedelta(days=1))
            about = (workflow and workflow.name, simulated)
            for method in Method:
                found[*about, method] = represent_summary(summarise(extent, method))
            found[*about, "to date"] = represent_summary(summarise(extent.to_date, None))
            for by in GROUPINGS:
                found[*about, by] = [represent_group(group) for group in grouped(extent, by)]
    return found


def without_texts(model, *texts) -> list[dict]:
    columns = [field.attname for field in model._meta.concrete_fields if field.attname not in texts]
    return list(model.objects.order_by("pk").values(*columns))


@pytest.mark.parametrize("seed", [1])
def test_every_figure_is_the_same_to_the_last_digit(seed, capsys, monkeypatch):
    project = make_project("alice", tiers={"frontier": OPUS, "cheap": HAIKU})
    workflows = [make_measured_workflow(name, project=project, design_cost="0.10") for name in ("refund", "triage")]
    history = History(seed, workflows)
    history.goes_on(80)
    state_baseline(workflows[0], "declared", cost="0.02", at=history.now)
    state_baseline(workflows[1], "repriced_cold", model=HAIKU, at=NOON + timedelta(days=1))
    history.goes_on(40)
    Payload.objects.bulk_create([Payload(call=call, request={"user": "canary"}) for call in Call.objects.all()])
    Execution.objects.update(metadata={"who": "canary"})
    monkeypatch.setattr("analytics.rollups.BATCH", 40)
    fold_batch()  # the rest stays pending
    before = every_figure(workflows)
    rows = [
        without_texts(Execution, "input", "output", "metadata", "error", "purged_at"),
        without_texts(StepResult, "output", "has_output", "rationale"),
        without_texts(Flag, "explanation", "note"),
        without_texts(Call),
        without_texts(Intent),
        list(Event.objects.order_by("pk").values()),
    ]

    ended = Execution.objects.filter(status__in=FINAL)
    assert retention.purge(project.pk, history.now, "alice") == ended.count() > 10

    assert every_figure(workflows) == before
    assert rows == [
        without_texts(Execution, "input", "output", "metadata", "error", "purged_at"),
        without_texts(StepResult, "output", "has_output", "rationale"),
        without_texts(Flag, "explanation", "note"),
        without_texts(Call),
        without_texts(Intent),
        list(Event.objects.exclude(kind="purged").order_by("pk").values()),
    ]
    assert not Payload.objects.filter(call__execution__in=ended.values("pk")).exists()
    assert not ended.filter(purged_at=None).exists()
    for words in ((), ("--rebuild",)):
        call_command("reconcile", *words)
        assert "1 project: ledger = cells + pending = summaries" in capsys.readouterr().out
    assert every_figure(workflows) == before

    # … nor does what happens afterwards to what is left go wrong.
    history.goes_on(40)
    call_command("reconcile")
    assert "ledger = cells + pending = summaries" in capsys.readouterr().out
