"""The pages of designs: what they say while one is made and once it is there, and who does what there."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from designs import running
from designs.models import Design
from evaluations.models import Case
from projects.models import AuditEvent
from tests.cast import REFUND, make_project, make_workflow, member, models_answer
from tests.designs.designed import TASK, begin, complete, design, design_answer
from workflows.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/designs/design/"
BEGIN = f"{LIST}begin/"
BROKEN = {**REFUND, "result": {"kind": "steps['classified']['kind']"}}


@pytest.fixture
def alice():
    return make_project()


@pytest.fixture
def rosa(alice):
    return member(alice, "designer")


def address(one, word="change"):
    return f"{LIST}{one.pk}/{word}/"


def shown(client, path, **said):
    answer = client.post(path, said) if said else client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def asked(project, **said):
    filled = {"project": project.pk, "name": "refund", "task": TASK, "budget": "5", "max_rounds": "4"}
    return {**filled, **said}


def offer_in(page):
    return re.search(r'name="offer" value="([^"]+)"', page)[1]


def test_a_list_without_designs_says_how_one_begins(alice, rosa):
    page = shown(rosa, LIST)
    assert "There is no design yet." in page
    assert f'href="{BEGIN}"' in page
    assert f'href="{BEGIN}"' not in shown(member(alice, name="vera"), LIST)


def test_the_list_tells_kind_status_model_cost_draft_and_who(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    page = shown(rosa, LIST)
    for said in ("completed", "scripted:claude-opus-5-5", "USD (simulated)", "alice", ">design<"):
        assert said in page
    assert f'<a href="/admin/workflows/version/{found.draft_id}/change/">1.0.0</a>' in page
    assert "Nothing is like that" in shown(rosa, f"{LIST}?kind=redesign")
    assert "1 design" in shown(rosa, f"{LIST}?status=completed")


def test_whoever_has_one_project_need_not_choose_it(alice, rosa):
    assert f'<input type="hidden" name="project" value="{alice.pk}"' in shown(rosa, BEGIN)


def test_the_list_takes_as_many_queries_for_five_as_for_one(alice, rosa, django_assert_max_num_queries):
    models_answer({"text": design_answer()})
    for number in range(5):
        design(alice, f"refund-{number}")
    with django_assert_max_num_queries(20):
        rosa.get(LIST)


def test_it_says_what_it_would_cost_before_it_begins_once(alice, rosa):
    page = shown(rosa, BEGIN, **asked(alice, executions_per_month="3000"))
    assert "What it would cost" in page
    assert "(simulated)</strong>, at most " in page
    assert not Design.objects.exists()
    sent = asked(alice, executions_per_month="3000", offer=offer_in(page), begin="yes")
    for _ in range(2):
        came = rosa.post(BEGIN, sent)
        found = Design.objects.get()
        assert (came.status_code, came["Location"]) == (302, address(found))
    assert found.brief["executions_per_month"] == 3000
    assert (found.workflow.name, found.created_by, found.budget) == ("refund", "user:rosa", 5 * 10**12)
    [event] = AuditEvent.objects.filter(kind="design")
    assert (event.verb, event.actor) == ("created", "user:rosa")


@pytest.mark.parametrize("changed", [{"task": "Something else, that is longer."}, {"budget": "6"}, {"name": "other"}])
def test_what_was_not_estimated_does_not_begin(alice, rosa, changed):
    offer = offer_in(shown(rosa, BEGIN, **asked(alice)))
    page = shown(rosa, BEGIN, **asked(alice, offer=offer, begin="yes", **changed))
    assert "What it would cost" in page
    assert not Design.objects.exists()


def test_everything_that_was_said_stands_in_the_brief(alice, rosa):
    said = asked(alice, requirements="Be right.\n\n Be quick. ", constraints="Send nothing.", document="# How we do it")
    said |= {"policy-0-name": "Returns", "policy-0-text": "R1 Within 30 days.", "policy-2-name": "Data"}
    said |= {"policy-2-text": "D1 No names.", "slots": "3"}
    rosa.post(BEGIN, {**said, "offer": offer_in(shown(rosa, BEGIN, **said)), "begin": "yes"})
    brief = Design.objects.get().brief
    assert brief["requirements"] == ["Be right.", "Be quick."]
    assert brief["constraints"] == ["Send nothing."]
    assert brief["policies"] == [
        {"name": "Returns", "text": "R1 Within 30 days."},
        {"name": "Data", "text": "D1 No names."},
    ]
    assert brief["document"] == "# How we do it"


def test_there_is_room_for_more_policies_and_nothing_is_lost(alice, rosa):
    page = shown(rosa, BEGIN, **asked(alice, more="yes", slots="3", **{"policy-1-name": "Returns"}))
    assert 'name="policy-5-text"' in page
    assert 'name="policy-6-text"' not in page
    assert 'value="Returns"' in page
    assert "errorlist" not in page


def test_files_stand_in_the_form_from_then_on(alice, rosa):
    skill = SimpleUploadedFile("SKILL.md", b"# Refunds\r\nAsk for the order.")
    lines = b'{"input": {"message": "a refund"}, "output": {"kind": "refund"}}\n{"input": {"message": "hello"}}\n'
    files = {"document_file": skill, "examples_file": SimpleUploadedFile("past.jsonl", lines)}
    page = rosa.post(BEGIN, asked(alice, **files)).content.decode()
    assert "2 examples of a file" in re.sub(r"\s+", " ", page)
    assert "Ask for the order." in page
    held = [
        {"input": {"message": "a refund"}, "output": {"kind": "refund"}},
        {"input": {"message": "hello"}},
    ]
    sent = asked(alice, document="# Refunds\nAsk for the order.", examples=json.dumps(held), begin="yes")
    rosa.post(BEGIN, {**sent, "offer": offer_in(page)})
    found = Design.objects.get()
    assert (found.examples, found.brief["document"]) == (held, "# Refunds\nAsk for the order.")


def test_examples_that_were_taken_can_be_left_out_again(alice, rosa):
    page = shown(rosa, BEGIN, **asked(alice, examples='[{"input": 1}]'))
    assert "1 example of a file" in page
    assert "of a file. Another" not in shown(rosa, BEGIN, **asked(alice, examples='[{"input": 1}]', drop_examples="on"))


def test_what_is_too_large_is_said_and_nothing_that_was_typed_is_lost(alice, rosa):
    large = SimpleUploadedFile("past.jsonl", b'{"input": "' + 3_000_000 * b"x" + b'"}\n')
    page = rosa.post(BEGIN, asked(alice, examples_file=large)).content.decode()
    assert "What is sent here has at most 2 MB together" in page
    assert "Say of each message to the shop" in page
    many = SimpleUploadedFile("past.jsonl", b'{"input": "' + 1_200_000 * b"x" + b'"}\n')
    assert "Here examples may have 1024 KB" in rosa.post(BEGIN, asked(alice, examples_file=many)).content.decode()


def test_a_table_of_examples_is_taken(alice, rosa):
    table = b"input.message,expected.kind\na refund,refund\nhello,other\n"
    page = rosa.post(BEGIN, asked(alice, examples_file=SimpleUploadedFile("past.csv", table))).content.decode()
    assert "2 examples of a file" in re.sub(r"\s+", " ", page)


def test_what_is_wrong_with_a_file_is_said_by_its_lines_beside_it(alice, rosa):
    broken = SimpleUploadedFile("past.jsonl", b'{"input": 1}\n{"output": 2}\nnothing\n')
    page = rosa.post(BEGIN, asked(alice, examples_file=broken)).content.decode()
    beside = page[: page.index('name="examples_file"')].rpartition('class="errorlist"')[2]
    assert "line 2: /input: An example has an input." in beside
    assert "line 3" in beside
    assert "What it would cost" not in page


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"name": "Not A Name"}, "name", "A name has 1 to 100 lower-case letters"),
        ({"name": ""}, "name", "This field is required."),
        ({"task": "Short."}, "task", "There is nothing to go on"),
        ({"requirements": "fine\n" + 5001 * "x"}, "requirements", "Line 2: This has 1 to 5000 characters"),
        ({"policy-1-name": "Returns"}, "policy-1-text", "A policy has a name and a text."),
        ({"policy-1-text": "R1"}, "policy-1-name", "A policy has a name and a text."),
        ({"budget": "-1"}, "budget", "greater than or equal to 0"),
        ({"max_rounds": "11"}, "max_rounds", "less than or equal to 10"),
        ({"target": "nobody:nothing"}, "target", "Write the model as PROVIDER:MODEL"),
        ({"executions_per_month": "0"}, "executions_per_month", "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(alice, rosa, wrong, field, said):
    page = shown(rosa, BEGIN, **asked(alice, **wrong))
    beside = page[: page.index(f'name="{field}"')].rpartition('class="errorlist')[2]
    assert said in beside
    assert not Design.objects.exists()


def test_two_policies_of_one_name_are_refused(alice, rosa):
    said = {"policy-0-name": "Returns", "policy-0-text": "R1", "policy-1-name": "Returns", "policy-1-text": "R2"}
    assert "Two policies have the same name" in shown(rosa, BEGIN, **asked(alice, **said))


@pytest.mark.parametrize(("role", "status"), [("designer", 200), ("reviewer", 403), ("viewer", 403)])
def test_a_designer_begins(alice, role, status):
    assert member(alice, role, "somebody").get(BEGIN).status_code == status


def test_nothing_begins_in_a_project_of_others(alice, rosa):
    other = make_project("bob")
    page = shown(rosa, BEGIN, **asked(other))
    assert "Select a valid choice" in page
    assert not Design.objects.exists()


def test_a_workflow_that_is_designed_already_waits_for_that(alice, rosa):
    begin(alice)
    page = shown(rosa, BEGIN, **asked(alice))
    sent = asked(alice, offer=offer_in(page), begin="yes")
    assert "refund is being designed already" in shown(rosa, BEGIN, **sent)


def test_a_running_one_says_what_it_does_and_follows_itself(alice, rosa):
    found = begin(alice)
    page = shown(rosa, address(found))
    assert "data-live " in page
    assert "It waits for a worker, which asks the frontier." in page
    while not found.rounds.filter(intent__isnull=False).exists():
        running.advance(found)
    assert "Round 1 of 4 at most: the frontier is asked" in shown(rosa, address(found))
    models_answer({"text": design_answer()})
    complete(found)
    assert "data-live " not in shown(rosa, address(found))


def test_a_completed_one_shows_what_came_of_it(alice, rosa):
    models_answer({"text": "No.", "times": 1}, {"text": design_answer()})
    found = design(alice)
    page = shown(rosa, address(found))
    for said in (
        "The draft 1.0.0 is there, to be read, evaluated and published.",
        '<span class="tag">simulated</span>',
        '<span class="state good">great</span> It fits well',
        "It comes often, and one can tell a right answer.",
        "Who reads Polish?",
        "Nobody: uncovered.",
        "Somebody was hurt",
        "Every model step on the frontier",
        "Round 2: it holds",
        "Round 1: 1 place was wrong",
        "The answer must be one JSON object",
        "Say of each message to the shop",
        "They count once somebody has confirmed them.",
        "<code>{&quot;message&quot;: &quot;I want a refund&quot;}</code>",
    ):
        assert said in page
    draft = f"/admin/workflows/version/{found.draft_id}"
    for word in ("change", "evaluate", "publish"):
        assert f'href="{draft}/{word}/"' in page
    case = Case.objects.first()
    assert f"/admin/evaluations/case/{case.pk}/change/" in page
    seen = shown(member(alice, name="vera"), address(found))
    assert f'href="{draft}/change/"' in seen
    assert f'href="{draft}/publish/"' not in seen
    assert 'name="answer-0"' not in seen


def test_a_draft_that_is_live_is_not_offered_to_be_published(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    found.draft.publish("rosa")
    page = shown(rosa, address(found))
    assert '<span class="state good">live</span>' in page
    assert f'href="/admin/workflows/version/{found.draft_id}/publish/"' not in page


def test_advice_to_have_no_workflow_is_told_with_its_reasons(alice, rosa):
    models_answer({"text": design_answer(None)})
    page = shown(rosa, address(design(alice)))
    assert "Better left to the frontier, says the design" in page
    assert '<span class="state bad">keep_on_frontier</span>' in page


def test_a_failed_one_says_why_and_leads_to_the_form_with_its_brief(alice, rosa):
    models_answer({"text": design_answer(BROKEN)})
    found = design(alice, max_rounds=2)
    page = shown(rosa, address(found))
    assert '<span class="state bad">failed</span>' in page
    assert "It came to nothing that holds in any of 2 rounds." in page
    assert "<code>/definition/result/kind</code>" in page
    assert f'href="{BEGIN}?from={found.pk}"' in page
    form = shown(rosa, f"{BEGIN}?from={found.pk}")
    assert "Say of each message to the shop" in form
    assert 'name="name" value="refund"' in form
    assert f'name="again" value="{found.pk}"' in form


def test_examples_of_an_earlier_design_are_taken_along_or_not(alice, rosa):
    models_answer({"text": "No."})
    first = design(alice, max_rounds=1, examples=[{"input": {"message": "a refund"}}])
    assert "Take along the 1 examples" in shown(rosa, f"{BEGIN}?from={first.pk}")
    for kept, count in (({"keep_examples": "on"}, 1), ({}, 0)):
        sent = asked(alice, again=str(first.pk), max_rounds="1", **kept)
        rosa.post(BEGIN, {**sent, "offer": offer_in(shown(rosa, BEGIN, **sent)), "begin": "yes"})
        found = complete(Design.objects.latest("created_at"))
        assert len(found.examples) == count


def test_answers_make_another_design_that_follows(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    page = shown(rosa, address(found, "answer"), **{"answer-0": "Rosa does."})
    assert "What it would cost" in page
    assert "Rosa does." in page
    rosa.post(address(found, "answer"), {"answer-0": "Rosa does.", "offer": offer_in(page), "begin": "yes"})
    second = Design.objects.get(follows=found)
    assert second.brief["answers"] == [{"question": "Who reads Polish?", "answer": "Rosa does."}]
    assert f'href="{address(found)}"' in shown(rosa, address(second))
    assert f'href="{address(second)}"' in shown(rosa, address(found))


def test_an_answer_has_words(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    assert "Answer one of them at least." in shown(rosa, address(found, "answer"), **{"answer-0": " "})
    assert not Design.objects.filter(follows=found).exists()


def test_what_has_no_questions_cannot_be_answered(alice, rosa):
    found = begin(alice)
    assert "It has no questions that could be answered." in shown(rosa, address(found, "answer"))


@pytest.mark.parametrize(("role", "status"), [("designer", 302), ("reviewer", 404)])
def test_a_designer_cancels_it_and_states_its_budget(alice, role, status):
    found, client = begin(alice), member(alice, role)
    assert client.post(address(found, "budget"), {"budget": "7.5"}).status_code == status
    assert client.post(address(found, "cancel")).status_code == status
    found.refresh_from_db()
    done = role == "designer"
    assert (found.status, found.budget) == (("cancelled", 75 * 10**11) if done else ("running", 5 * 10**12))
    if done:
        assert "It has ended: it is cancelled." in shown(client, address(found, "cancel"))
        assert "It was cancelled: there is no draft." in shown(client, address(found))


def test_one_that_waits_for_its_budget_says_so_first(alice, rosa):
    found = begin(alice, budget=1)
    complete(found)
    page = shown(rosa, address(found))
    assert '<span class="state asks">waiting</span>' in page
    assert "raise the budget, and it goes on" in page
    assert f'<a class="button default" href="{address(found, "budget")}">' in page


def test_deleted_texts_are_said_to_be(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    Design.objects.update(brief={}, examples=[], answer=None, said="", purged_at=found.finished_at)
    found.rounds.update(answer="", faults=[])
    page = shown(rosa, address(found))
    assert "was deleted on" in page
    assert "Round 1: its texts were deleted" in page
    assert rosa.get(f"{BEGIN}?from={found.pk}").status_code == 404


def test_a_workflow_and_its_version_lead_to_the_design(alice, rosa):
    models_answer({"text": design_answer()})
    found = design(alice)
    workflow = shown(rosa, f"/admin/workflows/workflow/{found.workflow_id}/change/")
    assert f'href="{address(found)}"' in workflow
    assert f'href="{BEGIN}?from={found.pk}"' in workflow
    version = shown(rosa, f"/admin/workflows/version/{found.draft_id}/change/")
    assert f'<a href="{address(found)}">The design that it came of</a>' in version


def test_a_workflow_that_nobody_designed_here_is_designed_anew_by_its_name(alice, rosa):
    workflow = make_workflow(project=alice)
    page = shown(rosa, f"/admin/workflows/workflow/{workflow.pk}/change/")
    assert f'href="{BEGIN}?workflow={workflow.pk}"' in page
    assert 'name="name" value="refund"' in shown(rosa, f"{BEGIN}?workflow={workflow.pk}")
    workflow.archive("rosa")
    page = shown(rosa, f"{BEGIN}?workflow={workflow.pk}")
    assert "It cannot be designed: refund is archived" in page


def test_what_is_of_another_project_is_not_found(alice, rosa):
    found = begin(make_project("bob"))
    for word in ("change", "cancel", "budget", "answer"):
        assert rosa.get(address(found, word)).status_code in (302, 404)
    assert rosa.get(f"{BEGIN}?from={found.pk}").status_code == 404
    assert rosa.get(f"{BEGIN}?from=nothing").status_code == 404
    assert 'value="refund"' not in shown(rosa, f"{BEGIN}?workflow={Workflow.objects.get().pk}")
