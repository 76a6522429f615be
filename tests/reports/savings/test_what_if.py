"""The what-if page: what the last days say of those to come, and a question whose every field stands in the address."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gateway.models import Call
from tests.analytics.ledgers import HAIKU, NOON, OPUS, SHORT, make_executions, make_measured_workflow
from tests.cast import member

pytestmark = pytest.mark.django_db

ADDRESS = "/reports/alice/workflows/refund/what-if/"
SONNET = "anthropic:claude-sonnet-4-5"
A_WEEK_LATER = NOON + timedelta(days=6)
CHOSEN = ("caching", "batch")  # from a list: another word stands nowhere


@pytest.fixture(autouse=True)
def the_day_after():
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        yield


@pytest.fixture
def workflow():
    """40 executions of one cheap call each in one day: 0.002 USD on Haiku 4.5, 0.006 on Sonnet 4.5, 0.01 on Opus 4.5."""
    workflow = make_measured_workflow(design_cost="0.01")
    make_executions(workflow, 40, HAIKU, SHORT, tier="cheap")
    return workflow


@pytest.fixture
def asked(workflow):
    rosa = member(workflow.project)

    def ask(address=ADDRESS, **query):
        response = rosa.get(address, {name.replace("__", "."): text for name, text in query.items()})
        assert response.status_code == 200, response.content
        return unescape(response.content.decode())

    return ask


def test_it_answers_in_one_sentence(asked):
    assert (
        "On claude-sonnet-4-5 instead of claude-haiku-4-5 a completed execution would have cost 0.0060 USD instead of "
        "0.0020 USD: 200% more, 12.00 USD a month at 3,000 executions; estimated from 40 recorded executions."
    ) in asked(tier__cheap=SONNET, volume="3000")


def test_a_sentence_names_every_switch(asked):
    said = asked(caching="off", batch="on")
    assert (
        "Without a cache and in batches a completed execution would have cost 0.0010 USD instead of 0.0020 USD" in said
    )
    assert "50.0% less" in said
    assert "Every execution may wait for a batch; where somebody waits for the answer, none may." in said


def test_the_volume_alone_is_a_question(asked):
    said = asked(volume="10000")
    assert "As it was, a completed execution costs 0.0020 USD, 20.00 USD a month at 10,000 executions" in said


def test_a_price_may_be_tried_out(asked):
    said = asked(
        **{
            "tier__cheap": "openai:to-come",
            "price1__model": "openai:to-come",
            "price1__input": "0.5",
            "price1__output": "1",
        }
    )
    assert "On to-come instead of claude-haiku-4-5 and at the price stated for to-come a completed execution" in said
    assert "would have cost 0.00070 USD instead of 0.0020 USD" in said


def test_it_compares_with_all_frontier_and_step_by_step(asked):
    said = asked(tier__cheap=SONNET)
    assert (
        "A completed execution cost 0.0020 USD as recorded, 0.0060 USD as asked; all-frontier would have cost 0.010 USD."
        in said
    )
    assert '<th scope="row">step_0</th><td class="number">40</td>' in said


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"volume": "0"}, "This is a whole number of executions from 1 to 1,000,000,000, without blanks and commas."),
        (
            {"volume": "many"},
            "This is a whole number of executions from 1 to 1,000,000,000, without blanks and commas.",
        ),
        ({"volume": "²"}, "This is a whole number of executions from 1 to 1,000,000,000, without blanks and commas."),
        (
            {"volume": "9" * 5_000},
            "This is a whole number of executions from 1 to 1,000,000,000, without blanks and commas.",
        ),
        ({"tier.cheap": "haiku"}, "Write the model as PROVIDER:MODEL, with one of these providers: "),
        (
            {"tier.cheap": "anthropic:nobody-knows"},
            "There is no price for anthropic:nobody-knows. Choose another model, or state",
        ),
        ({"tier.gold": SONNET}, "This workflow has no such tier; it has cheap"),
        ({"step.nowhere": SONNET}, "This workflow has no such model step."),
        ({"caching": "perhaps"}, "This is on, off, or as it was."),
        ({"price1.model": SONNET, "price1.input": "x", "price1.output": "1"}, "This must be an amount in USD, such as"),
        ({"price1.model": SONNET, "price1.input": "1"}, "This price is needed."),
        ({"price2.input": "1", "price2.output": "1"}, "Write the model that this price is of."),
        ({"price1.model": "<b>", "price1.input": "1", "price1.output": "1"}, "Write the model as PROVIDER:MODEL"),
    ],
)
def test_what_cannot_be_read_has_a_sentence_beside_it_and_stays_as_it_was_written(asked, query, sentence):
    said = asked(**query)
    assert sentence in said
    assert 'aria-invalid="true"' in said
    assert "This cannot be worked out yet" in said
    for name, text in query.items():
        assert f'name="{name}"' in said
        assert name in CHOSEN or f'value="{text[:300]}"' in said


def test_nothing_is_drawn_before_something_is_asked(asked):
    with CaptureQueriesContext(connection) as silent:
        said = asked()
    assert "Nothing is asked yet" in said
    assert not [one for one in silent.captured_queries if "MD5" in one["sql"]]


def test_nothing_is_kept(asked, workflow):
    before = Call.objects.count()
    asked(tier__cheap=SONNET)
    assert Call.objects.count() == before


def test_other_days_leave_the_question_as_it_is(asked):
    said = asked(tier__cheap=SONNET, since="2026-11-16")
    assert f'<input type="hidden" form="filters" name="tier.cheap" value="{SONNET}">' in said
    assert '<input type="hidden" name="since" value="2026-11-16">' in said


def test_it_says_what_a_month_brings_at_this_pace(asked):
    with time_machine.travel(A_WEEK_LATER, tick=False):
        said = asked()
    assert "40 executions completed in the 7 days from 16 November 2026 to 22 November 2026." in said
    assert (
        "If the next month is like the last 7 days: 174 executions for 0.35 USD instead of 1.74 USD: 1.39 USD saved."
        in said
    )
    assert 'title="0.347857142857 USD"' in said
    assert "A month is 30.44 days." in said


def test_of_fewer_days_than_a_week_nothing_is_said_of_a_month(asked):
    said = asked()
    assert "2 days are too few to say something of a month; from 7 on it stands here." in said
    assert '<th scope="row">a day</th>' in said
    assert '<th scope="row">a month</th>' not in said and "A month is" not in said


def test_it_says_what_designing_is_of_what_executions_cost(asked):
    said = asked()
    assert (
        "At 100, 1,000, 10,000 executions the design is 5.0%, 0.50%, 0.05% of what they cost: it is paid once." in said
    )
    assert "<svg" in said


def test_it_says_when_it_paid_itself_back_and_that_nobody_predicted_it(asked):
    said = asked()
    assert "Nobody designed it here: it was written by hand, or imported, and said nothing of its payback." in said
    assert "Designing it, and all else, was paid back on 16 November 2026." in said
    assert "So many executions pay for what came before them; 40 completed until now." in said


def test_of_a_workflow_that_never_executed_it_says_so(asked, workflow):
    make_measured_workflow("young", project=workflow.project)
    said = asked("/reports/alice/workflows/young/what-if/", volume="100")
    assert "Not executed yet: nothing paid, nothing saved." in said
    assert "on its way back." not in said.split("</main>")[0].split("<h2")[0]
    assert "POST /api/v1/workflows/young/executions" in said
    assert "these 0 days" not in said
    assert "No execution completed in these days, so there is nothing to price anew." in said


def cells_of(said: str, name: str) -> list[str]:
    """The row of a table that begins with this name, as a reader sees it."""
    row = said.split(f'<th scope="row">{name}</th>', 1)[1].split("</tr>", 1)[0]
    return [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]


def test_what_is_not_paid_back_yet_has_a_day_on_which_it_is_expected(asked, workflow):
    """The example of docs/projection.md: 4.88 USD are owed, an execution saves 0.008, and twenty come a day."""
    dear = make_measured_workflow("dear", project=workflow.project, design_cost="5.20")
    make_executions(dear, 40, HAIKU, SHORT, tier="cheap")
    said = asked("/reports/alice/workflows/dear/what-if/")
    assert cells_of(said, "Expected, from today") == ["610", "18 December 2026", "At the pace of the last 2 days."]
    assert cells_of(said, "Predicted by the design")[:2] == ["–", "–"]
    assert cells_of(said, "Actual, of everything until now")[:2] == ["650", "–"]


def test_what_never_pays_says_why(asked, workflow):
    idle = make_measured_workflow("idle", project=workflow.project, design_cost="5.20")
    make_executions(idle, 40, OPUS, SHORT, tier="frontier")
    with time_machine.travel(A_WEEK_LATER, tick=False):
        said = asked("/reports/alice/workflows/idle/what-if/")
    why = "An execution costs no less than all-frontier would, so it does not pay itself back."
    assert cells_of(said, "Expected, from today") == ["–", "–", why]
    assert "174 executions for 1.74 USD instead of 1.74 USD: nothing saved." in said


def test_its_scope_is_of_the_days_that_the_pace_comes_from(asked):
    assert 'class="scope">From 16 November 2026 until 17 November 2026, 12:00 UTC, real money, compared with' in asked()
    assert 'class="scope">From 16 November 2026 to 16 November 2026 (UTC), real money' in asked(until="2026-11-17")
