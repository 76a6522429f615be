"""The page of steps and tiers: the routed workflow as a picture, what each step costs, and its calls by tier and model."""

import re

import pytest

from executions.models import Execution
from gateway.types import Purpose
from tests.analytics.ledgers import HAIKU, OPUS, REAL, make_call, make_execution, make_flag
from tests.cast import make_project, member
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

STEPS = "/reports/alice/workflows/refund/steps/"
TEXT = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}
DEFINITION = {
    "title": "A refund",
    "purpose": "Say what a customer wants, and ask a person about the rest.",
    "input_schema": {
        "type": "object",
        "required": ["message", "lines"],
        "properties": {"message": {"type": "string"}, "lines": {"type": "array", "items": {"type": "string"}}},
    },
    "edge_cases": [{"case": "The customer is angry", "handling": "escalate"}],
    "steps": [
        {"id": "clean", "kind": "code", "code": "def run(input, steps):\n    return {'text': input['message']}"},
        {
            **{"id": "classify", "kind": "model", "tier": "cheap", "prompt": "{{ item }}", "output_schema": TEXT},
            **{"for_each": "input['lines']", "instructions": "What does <b>this</b> customer want? Name one thing."},
        },
        {
            **{"id": "answer", "kind": "model", "tier": "standard", "prompt": "{{ input.message }}"},
            **{"when": "len(steps['classify']) > 0", "otherwise": None, "task": "generation"},
        },
        {
            **{"id": "look", "kind": "review", "to": "clerk", "within": "3d", "prompt": "Is it right?"},
            **{"output_schema": TEXT, "otherwise": {"kind": "'unknown'"}},
        },
    ],
    "lanes": {"quality": "len(input['message']) > 1000"},
}


@pytest.fixture
def workflow():
    project = make_project("alice", tiers=REAL)
    workflow = Workflow.objects.create(project=project, name="refund")
    version = workflow.draft(Examined.of(DEFINITION, project), "1.0.0", created_by="alice")
    version.publish("alice")
    workflow.refresh_from_db()
    return workflow


@pytest.fixture
def executed(workflow):
    cheap, standard = {"tier": "cheap", "lane": "fast"}, {"step": "answer", "tier": "standard", "lane": "fast"}
    for _ in range(2):
        execution = make_execution(workflow)
        make_call(execution, HAIKU, latency_ms=900, prefix_tokens=1_870, **cheap)
        make_call(execution, REAL["standard"], latency_ms=1_400, prefix_tokens=2_000, **standard)
    make_call(execution, OPUS, purpose=Purpose.ESCALATION, tier="frontier", lane="fast", latency_ms=3_000)
    make_call(execution, OPUS, purpose=Purpose.SHADOW, tier="frontier", lane="quality", latency_ms=3_000)
    make_flag(execution, waiting=False, answered_by="human")
    return workflow


@pytest.fixture
def rosa(workflow):
    return member(workflow.project)


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def drawn(page):
    """What each step says, without its marks."""
    steps = page.partition('<ol class="flow">')[2].partition('<div class="flow-end">')[0].split('<li class="turn">')[1:]
    return [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", one)).strip() for one in steps]


def test_each_step_says_what_it_is_on_what_it_runs_and_what_it_costs(rosa, executed):
    page = text(rosa.get(STEPS))
    assert "1.0.0 has 4 steps, and 2 of them ask a model." in page
    assert drawn(page) == [
        "Code 1. clean Works it out by a few lines of code. On: plain code, no model",
        "Model 2. classify What does &lt;b&gt;this&lt;/b&gt; customer want? Name one thing. Once for each of "
        "input[&#39;lines&#39;] On: cheap → claude-haiku-4-5 53.8% of the cost Executing, per completed 0.0070 USD Calls 3 "
        "Half within 900 ms Answered by cheap 2 times, frontier once, a person once. Not sure, or a check fails, so far once: "
        "frontier → claude-opus-4-5 a person",
        "Model 3. answer generation Only when len(steps[&#39;classify&#39;]) &gt; 0 On: standard → claude-sonnet-4-5 "
        "46.2% of the cost Executing, per completed 0.0060 USD Calls 2 Half within 1.4 s Answered by standard 2 times. "
        "Not sure, or a check fails: frontier → claude-opus-4-5 a person",
        "Person 4. look Asks a clerk, and waits 3d at most. On: a person, no model",
    ]
    assert 'value="0.5385"' in page
    assert "style=" not in page
    assert "The customer is angry: to a person." in page
    assert "when <code>len(input[&#39;message&#39;]) &gt; 1000</code>" in page


def test_the_figures_lead_to_the_calls_of_a_step(rosa, executed):
    page = text(rosa.get(f"{STEPS}?lane=fast"))
    here = "/reports/alice/workflows/refund/"
    assert f'href="{here}calls/?lane=fast&amp;version=1.0.0&amp;figure=execution_cost&amp;step=classify"' in page
    assert f"{here}executions/" not in page  # a flag is of a step, and an execution of several
    assert f'href="{here}calls/?lane=fast&amp;version=1.0.0&amp;tier=cheap"' in page
    assert f'href="{here}calls/?lane=fast&amp;version=1.0.0&amp;model=anthropic%3Aclaude-haiku-4-5"' in page


def test_calls_are_told_by_tier_and_model_and_whether_a_cache_holds_them(rosa, executed):
    page = text(rosa.get(STEPS))
    assert "frontier took 60.6% of 0.033 USD." not in page
    assert re.findall(r'<th scope="row">(cheap|standard|frontier)</th>', page)[-3:] == ["cheap", "standard", "frontier"]
    assert f"{HAIKU}: not cacheable: 1,870 of 4,096 tokens." in page
    assert "How long a call took, by model" in page


def test_what_has_no_tier_is_of_shadows_and_evaluations_and_leads_to_those_calls(rosa, executed):
    make_call(executed.executions.first(), OPUS, purpose=Purpose.SHADOW, tier="", lane="quality")
    page = text(rosa.get(STEPS))
    assert '<th scope="row">shadows, evaluations</th>' in page
    assert 'href="/reports/alice/workflows/refund/calls/?version=1.0.0&amp;tier=none"' in page
    assert "Every call, whatever it was for: shadows and evaluations too." in page


def test_a_tier_that_nobody_recorded_is_called_so_and_no_time_is_no_speed(rosa, workflow):
    make_call(make_execution(workflow), HAIKU, tier="", lane="fast")
    make_call(make_execution(workflow), HAIKU, tier="cheap", lane="fast", latency_ms=0)
    [classify] = [one for one in drawn(text(rosa.get(STEPS))) if "classify" in one and one.startswith("Model 2")]
    assert "Answered by cheap once, tier not recorded once." in classify
    assert "Half within –" in classify
    assert "0 ms" not in text(rosa.get(STEPS))


def test_of_one_version_and_of_one_lane(rosa, executed):
    second = executed.draft(Examined.of({**DEFINITION, "purpose": "Anew."}, executed.project), "1.1.0", created_by="a")
    page = text(rosa.get(f"{STEPS}?version={second.number}"))
    assert "1.1.0 has 4 steps, and 2 of them ask a model. Nothing of it was completed in these days." in page
    assert "it never went live: the models are those of the project as they are today" in page
    assert '<option value="1.1.0" selected>' in page
    whole = text(rosa.get(STEPS))
    assert '<option value="" selected>the live one, 1.0.0</option>' in whole
    quality = text(rosa.get(f"{STEPS}?lane=quality"))
    assert "Nothing of it was completed in these days." in quality


def test_a_call_without_a_price_leaves_the_shares_unknown(rosa, executed):
    make_call(make_execution(executed), "anthropic:claude-nobody-1", tier="cheap", lane="fast")
    page = text(rosa.get(STEPS))
    assert "1 calls have no price" not in page
    assert "<meter" not in page
    assert "no step&#39;s share is known" in page


def test_what_tests_a_version_is_no_part_of_the_picture(rosa, executed):
    before = drawn(text(rosa.get(STEPS)))
    trial = make_execution(executed, purpose=Execution.Purpose.EVALUATION, publication=None)
    make_call(trial, OPUS, tier="frontier", lane="fast")
    assert drawn(text(rosa.get(STEPS))) == before


def test_a_version_that_there_is_not_is_a_sentence(rosa):
    response = rosa.get(f"{STEPS}?version=9.9.9")
    assert response.status_code == 400
    assert "There is no version 9.9.9 of this workflow." in text(response)


def test_of_what_nobody_executed_the_picture_stands_without_figures(rosa):
    page = text(rosa.get(STEPS))
    assert "Nothing of it was completed in these days." in page
    assert drawn(page)[1].endswith("Half within – Not sure, or a check fails: frontier → claude-opus-4-5 a person")


def test_without_a_version_it_says_what_to_do(rosa, workflow):
    workflow.project.workflows.create(name="young")
    page = text(rosa.get("/reports/alice/workflows/young/steps/"))
    assert "There is no version yet, so there are no steps." in page
