"""`make demo LIVE=1`: an estimate first, and a budget that holds, whatever happens beside it."""

import os
import re
import subprocess
import sys
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from demo import story
from demo.budget import Budget, unpriced
from executions.models import Execution, Status
from gateway.types import Usage
from projects.models import Project
from tests.analytics.ledgers import make_call
from tests.cast import envelope
from tests.messages_server import MessagesServer, message

ROOT = Path(__file__).parent.parent.parent
REAL = {tier: ("anthropic", model) for tier, (_, model) in story.SCRIPTED.items()}
PRICES = {  # USD per million tokens, as published: input, output
    "claude-haiku-5-5": (Decimal("0.10"), Decimal("0.50")),
    "claude-sonnet-5-5": (Decimal("2"), Decimal("10")),
    "claude-opus-5-5": (Decimal("4"), Decimal("20")),
}


@pytest.mark.django_db
def test_what_ends_while_it_counts_is_never_in_neither_sum(settings):
    """Between the two questions the only execution in flight ends, and its calls are recorded."""
    settings.WORKER_THREADS = 2
    workflow = story.establish(story.SCRIPTED)
    budget = Budget(workflow, Decimal("1.00"))  # 0.50 for each of two
    execution = story.submit(workflow, story.messages()[0])
    paid = []

    def interrupted(execute, sql, parameters, many, context):
        answer = execute(sql, parameters, many, context)
        if not paid and ("executions_execution" in sql or "gateway_call" in sql):
            paid.append(True)
            Execution.objects.filter(pk=execution.pk).update(status=Status.COMPLETED)
            make_call(execution, "anthropic:claude-opus-4-5", Usage(input=120_000))  # 0.60 USD
        return answer

    with connection.execute_wrapper(interrupted):
        assert not budget.covers_another()
    assert paid
    assert not budget.covers_another()


def test_a_model_without_a_price_has_no_bound():
    assert unpriced(REAL) == []
    assert unpriced({**REAL, "standard": ("anthropic", "claude-nobody-knows")}) == ["standard"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tiers", "sentence"),
    [
        (story.SCRIPTED, "LIVE=1 needs models to call: set ANTHROPIC_API_KEY"),
        ({**REAL, "cheap": ("anthropic", "claude-nobody")}, "anthropic:claude-nobody has no price.*set MODEL_CHEAP"),
    ],
)
def test_live_is_refused_before_anything_is_made(settings, monkeypatch, tiers, sentence):
    monkeypatch.setenv("LIVE", "1")
    settings.DEFAULT_TIERS = tiers
    with pytest.raises(CommandError, match=sentence):
        call_command("demo", stdout=StringIO())
    assert not Project.objects.exists()


def a_model(request: dict) -> dict:
    """Nothing is covered, and every answer is dear: what the step may cost at most, nearly."""
    text = envelope(status="uncovered", uncovered="Nothing is.")
    return message(text, usage={"input_tokens": 6_000, "output_tokens": 900})


def cost_of(answered: list[tuple[str, dict]]) -> Decimal:
    return sum(
        (usage["input_tokens"] * PRICES[model][0] + usage["output_tokens"] * PRICES[model][1]) / 10**6
        for model, usage in answered
    )


def test_a_live_demo_says_what_it_may_cost_and_stops_within_it(tmp_path):
    variables = {"LIVE": "1", "BUDGET": "0.05", "ANTHROPIC_API_KEY": "a key"}
    with MessagesServer(a_model) as provider:
        done = subprocess.run(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env={
                **os.environ,
                **variables,
                "ANTHROPIC_BASE_URL": provider.url,
                "DATABASE_URL": f"sqlite:///{tmp_path}/live.sqlite3",
                "BROKER_URL": "",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        spent = cost_of(provider.answered)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Expected: about 0.69 USD for 92 messages; never more than 0.05 USD." in done.stdout
    stopped = re.search(r"Stopped after (\d+) of 92 messages: the budget does not cover another one.", done.stdout)
    assert 0 < int(stopped[1]) < 92
    assert done.stdout.index("Expected") < stopped.start() < done.stdout.index("Executed")
    assert Decimal("0.02") < spent <= Decimal("0.05")
