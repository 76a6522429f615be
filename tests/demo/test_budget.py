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

from demo import story
from demo.management.commands.demo import unpriced
from projects.models import Project
from tests.cast import envelope
from tests.messages_server import MessagesServer, message

ROOT = Path(__file__).parent.parent.parent
REAL = {tier: ("anthropic", model) for tier, (_, model) in story.SCRIPTED.items()}
PRICES = {  # USD per million tokens, as published: input, output
    "claude-haiku-5-5": (Decimal("0.10"), Decimal("0.50")),
    "claude-sonnet-5-5": (Decimal("2"), Decimal("10")),
    "claude-opus-5-5": (Decimal("4"), Decimal("20")),
}


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
    variables = {"LIVE": "1", "BUDGET": "0.50", "ANTHROPIC_API_KEY": "a key"}
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
    assert "Expected: about 1.49 USD for 92 messages; never more than 0.50 USD." in done.stdout
    stopped = re.search(r"Stopped after (\d+) of 92 messages: the budget does not cover another call.", done.stdout)
    assert 5 < int(stopped[1]) < 92
    parked = re.search(r"(\d+) more wait for a higher budget", done.stdout)
    assert 0 < int(parked[1]) <= 8
    assert done.stdout.index("Expected") < stopped.start() < done.stdout.index("Executed")
    assert Decimal("0.20") < spent <= Decimal("0.50")
