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
from gateway.providers.scripted import ScriptedProvider
from gateway.types import Block, Request
from projects.models import Project
from tests.cast import envelope
from tests.messages_server import MessagesServer, message
from tests.waiting import Waiting

ROOT = Path(__file__).parent.parent.parent
SCRIPT = Waiting(ScriptedProvider([story.CONTENT / "script.toml"]))
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


def the_script(request: dict) -> dict:
    """The story on real models: what they say is the demo's own script, and what they read and write is dear."""
    system, user = request["system"], request["messages"][0]["content"]
    said = SCRIPT.complete(Request(request["model"], tuple(Block(one["text"]) for one in system), user, None, 50_000))
    if system[0]["text"].startswith(("You design workflows.", "You mend workflows.")):
        usage = {"input_tokens": 15_000, "output_tokens": 8_000}
    elif "opus" in request["model"]:
        usage = {"input_tokens": 700, "output_tokens": 60}
    else:
        usage = {"input_tokens": 6_000, "output_tokens": 900}
    return message(said.text, usage=usage)


def never_holds(request: dict) -> dict:
    return message(
        envelope(status="uncovered", uncovered="Nothing is."), usage={"input_tokens": 15_000, "output_tokens": 900}
    )


def cost_of(answered: list[tuple[str, dict]]) -> Decimal:
    return sum(
        (usage["input_tokens"] * PRICES[model][0] + usage["output_tokens"] * PRICES[model][1]) / 10**6
        for model, usage in answered
    )


def live(model, budget: str, folder: Path) -> tuple[str, Decimal]:
    """What `make demo LIVE=1` prints, and what it has cost by the provider's log."""
    variables = {"LIVE": "1", "BUDGET": budget, "ANTHROPIC_API_KEY": "a key"}
    variables |= {"DATABASE_URL": f"sqlite:///{folder}/live.sqlite3", "BROKER_URL": ""}
    with MessagesServer(model) as provider:
        done = subprocess.run(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env={**os.environ, **variables, "ANTHROPIC_BASE_URL": provider.url},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        spent = cost_of(provider.answered)
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.split()), spent


def test_a_live_demo_says_what_it_may_cost_and_stops_within_it(tmp_path):
    printed, spent = live(the_script, "1.60", tmp_path)
    told = [
        "It costs never more than 1.60 USD.",
        "Expected: about 0.52 USD for the design; what follows is estimated behind it.",
        "support-ticket 1.0.0 with 15 cases for 0.44 USD.",
        "USD for 30 executions of cases.",
        "support-ticket 1.0.0 is live, on evidence: passed.",
        "USD for 92 messages.",
        "of 92 messages: the budget does not cover another call.",
        "Costs (real money)",
    ]
    places = [printed.find(sentence) for sentence in told]
    assert places == sorted(places) and -1 not in places, printed
    assert 0 < int(re.search(r"Stopped after (\d+) of 92", printed)[1]) < 92
    assert 0 < int(re.search(r"(\d+) more wait for a higher budget", printed)[1]) <= 8
    assert Decimal("1.10") < spent <= Decimal("1.60")


def test_a_live_demo_that_may_cost_enough_goes_the_whole_way(tmp_path):
    printed, spent = live(the_script, "8.00", tmp_path)
    told = [
        "USD for the redesign. round 1: it holds.",
        "USD for 36 executions of cases.",
        "support-ticket 1.0.1 is live, on evidence: passed.",
        "It closes 5 flags. Executed again: 1 that waited; 1 of that waits still.",
        "A week later: 6 more messages in other languages, 0 of them flagged.",
    ]
    assert [sentence for sentence in told if sentence not in printed] == [], printed
    assert f"│ total │ {spent:.2f} │" in printed


def test_a_live_design_that_never_holds_ends_with_a_sentence(tmp_path):
    printed, spent = live(never_holds, "2.00", tmp_path)
    assert "It came to nothing that holds in any of 4 rounds." in printed
    assert "is live" not in printed
    assert spent == 4 * (15_000 * 4 + 900 * 20) / Decimal(10**6)
