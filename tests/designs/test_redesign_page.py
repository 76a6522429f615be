"""Redesigns in the admin: which flags are taken up, what changed and why, and what a publication closes."""

import pytest

from designs import grouping
from designs.models import Design, Group
from executions.models import Flag
from tests.cast import REFUND, make_project, make_workflow, member, models_answer
from tests.designs.designed import complete, redesign_answer
from tests.designs.flagged import flagged
from tests.designs.test_pages import address, offer_in, shown
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = [
    {
        "op": "add",
        "path": "/edge_cases/-",
        "value": {"id": "voucher", "case": "It was paid with a voucher", "handling": "Treat it like money."},
        "why": "Vouchers came again and again, and no rule named them.",
    },
    {"op": "replace", "path": "/steps/classify/min_confidence", "value": 0.9, "why": "It has to be surer of these."},
]
CASES = [{"kind": "covered", "input": {"message": "a refund of a voucher"}, "expected": {"kind": "refund"}}]
SAID = {"budget": "1", "max_rounds": "3", "note": "Vouchers are money."}


@pytest.fixture
def workflow():
    return make_workflow(project=make_project())


@pytest.fixture
def vouchers(workflow) -> Group:
    for number in range(3):
        flagged(workflow, f"refund my voucher {number}", explanation="A voucher is not covered.", waiting=number == 0)
    grouping.gather(workflow)
    return Group.objects.get()


@pytest.fixture
def rosa(workflow):
    return member(workflow.project, "designer")


def asking(workflow: Workflow) -> str:
    return f"/admin/workflows/workflow/{workflow.pk}/redesign/"


def begun(client, workflow, *groups) -> Design:
    sent = {**SAID, "groups": [str(one.pk) for one in groups]}
    page = shown(client, asking(workflow), **sent)
    came = client.post(asking(workflow), {**sent, "offer": offer_in(page), "begin": "yes"})
    found = Design.objects.get(kind="redesign")
    assert (came.status_code, came["Location"]) == (302, address(found))
    return found


def test_without_flags_it_says_that_there_is_no_gap(workflow, rosa):
    assert "No flag of refund waits: there is no gap to close." in shown(rosa, asking(workflow))


def test_without_anything_live_there_is_nothing_to_patch(rosa, workflow):
    Workflow.objects.update(live=None)
    assert "It cannot be redesigned: Nothing of refund is live" in shown(rosa, asking(workflow))


def test_groups_stand_there_with_their_count_cost_and_standing(workflow, vouchers, rosa):
    page = shown(rosa, asking(workflow))
    assert f'<input type="checkbox" name="groups" value="{vouchers.pk}">' in page
    assert "uncovered at classify" in page
    assert "3 undecided" in page
    assert '<td class="number">1</td>' in page
    assert "A voucher is not covered." in page
    group = f"/admin/designs/group/{vouchers.pk}/change/"
    assert f'<a href="{group}">its flags</a>' in page
    assert f'href="{asking(workflow)}?group={vouchers.pk}">Redesign from it</a>' in shown(rosa, group)
    assert "Redesign from it" not in shown(member(workflow.project, "reviewer", "vera"), group)
    assert "checked" in shown(rosa, f"{asking(workflow)}?group={vouchers.pk}")
    assert "Redesign from flags (1 group)" in shown(rosa, f"/admin/workflows/workflow/{workflow.pk}/change/")


def test_it_says_what_it_would_cost_before_flags_are_decided(workflow, vouchers, rosa):
    page = shown(rosa, asking(workflow), **SAID, groups=[str(vouchers.pk)])
    assert "What it would cost" in page
    assert set(Flag.objects.values_list("state", flat=True)) == {"open"}
    found = begun(rosa, workflow, vouchers)
    assert set(Flag.objects.values_list("state", flat=True)) == {"in_redesign"}
    assert (found.brief["note"], found.created_by, len(found.resolves)) == ("Vouchers are money.", "user:rosa", 3)


def test_it_begins_once_however_often_the_button_is_pressed(workflow, vouchers, rosa):
    sent = {**SAID, "groups": [str(vouchers.pk)]}
    sent |= {"offer": offer_in(shown(rosa, asking(workflow), **sent)), "begin": "yes"}
    for _ in range(2):
        assert rosa.post(asking(workflow), sent).status_code == 302
    assert Design.objects.count() == 1


def test_a_flag_that_joins_meanwhile_asks_for_no_new_estimate(workflow, vouchers, rosa):
    sent = {**SAID, "groups": [str(vouchers.pk)]}
    offer = offer_in(shown(rosa, asking(workflow), **sent))
    flagged(workflow, "refund my voucher 4", explanation="A voucher is not covered.")
    grouping.gather(workflow)
    rosa.post(asking(workflow), {**sent, "offer": offer, "begin": "yes"})
    assert len(Design.objects.get().resolves) == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "Choose one group at least."),
        ({"groups": ["nothing"]}, "One of them is not offered any more"),
        ({"target": "nothing"}, "Write the model as PROVIDER:MODEL"),
        ({"budget": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_is_a_sentence(workflow, vouchers, rosa, wrong, said):
    chosen = {} if not wrong or "groups" in wrong else {"groups": [str(vouchers.pk)]}
    assert said in shown(rosa, asking(workflow), **{**SAID, **chosen, **wrong})
    assert not Design.objects.exists()


def test_a_group_of_another_workflow_is_not_taken(workflow, vouchers, rosa):
    other = make_workflow(project=workflow.project, name="other")
    flagged(other, "Where is my lamp", explanation="Lamps are not covered.")
    grouping.gather(other)
    foreign = Group.objects.get(workflow=other)
    page = shown(rosa, asking(workflow), **SAID, groups=[str(foreign.pk)])
    assert "One of them is not offered any more" in page


@pytest.mark.parametrize(("role", "status"), [("designer", 200), ("reviewer", 404)])
def test_a_designer_redesigns(workflow, vouchers, role, status):
    assert member(workflow.project, role, "somebody").get(asking(workflow)).status_code == status


def test_its_page_shows_changes_reasons_evidence_and_what_it_closes(workflow, vouchers, rosa):
    models_answer({"text": redesign_answer(CHANGES, CASES)})
    found = complete(begun(rosa, workflow, vouchers))
    assert (found.status, found.draft and found.draft.number) == ("completed", "1.1.0")
    page = shown(rosa, address(found))
    for said in (
        "redesign of <a",
        "Vouchers came again and again, and no rule named them.",
        "<code>/edge_cases/-</code>",
        "<code>/steps/classify/min_confidence</code>",
        "It was paid with a voucher",
        "uncovered at classify: 3 flags",
        "refund my voucher 0",
        "3 flags: publishing the draft closes those that are undecided then.",
        "From 1.0.0 to 1.1.0",
        "To be read before it is published, at <code>/edge_cases/1</code>: The models answer a case by themselves",
        "Vouchers are money.",
        "a refund of a voucher",
    ):
        assert said in page, said
    assert "made the draft" in shown(rosa, asking(workflow))
    for flag in Flag.objects.all():
        assert f"/admin/executions/flag/{flag.pk}/change/" in page
    draft = f"/admin/workflows/version/{found.draft_id}"
    assert f'href="{draft}/publish/"' in page
    assert "The redesign that it came of" in shown(rosa, f"{draft}/change/")


def publishing(version) -> str:
    return f"/admin/workflows/version/{version.pk}/publish/"


def test_what_it_made_more_permissive_is_said_above_the_button_that_publishes(workflow, vouchers, rosa):
    models_answer({"text": redesign_answer(CHANGES, CASES)})
    draft = complete(begun(rosa, workflow, vouchers)).draft
    page = shown(rosa, publishing(draft))
    said = (
        "The models answer a case by themselves that is new, &#x27;voucher&#x27;: &#x27;Treat it like money.&#x27; "
        "(<code>/edge_cases/1</code>)"
    )
    assert page.index("More permissive than 1.0.0") < page.index(said) < page.index(">Publish</button>")
    assert "More permissive" not in shown(rosa, publishing(workflow.versions.get(number="1.0.0")))
    rosa.post(publishing(draft))
    workflow.refresh_from_db()
    assert workflow.live.version_id == draft.pk


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"redesign": {"of": "1.0.0"}}, True),
        ({"redesign": {"of": "7.0.0"}}, False),
        ({"redesign": {"of": "\x00"}}, False),
        ({"redesign": {"of": ["1.0.0"]}}, False),
        ({"redesign": "1.0.0"}, False),
        ({}, False),
    ],
)
def test_what_it_came_of_is_read_from_its_design_context_which_may_say_anything(workflow, rosa, context, expected):
    found = Examined.of({**REFUND, "guidance": "<b>Pay.</b>"}, workflow.project)
    draft = workflow.draft(found, "1.0.1", created_by="alice", design_context=context)
    page = shown(rosa, publishing(draft))
    assert ("More permissive than 1.0.0" in page) is expected
    assert ("The guidance of all model steps changes. (<code>/guidance</code>)" in page) is expected


def test_a_redesign_that_made_nothing_more_permissive_is_published_without_a_word(workflow, rosa):
    context = {"redesign": {"of": "1.0.0"}}
    found = Examined.of({**REFUND, "title": "Refunds"}, workflow.project)
    draft = workflow.draft(found, "1.0.1", created_by="alice", design_context=context)
    assert "More permissive" not in shown(rosa, publishing(draft))


def test_when_nothing_should_change_its_questions_stand_there(workflow, vouchers, rosa):
    asked = [{"question": "Are vouchers money?", "why": "The policy says nothing.", "assumed": "Nothing changes."}]
    models_answer({"text": redesign_answer([], [], questions=asked)})
    found = complete(begun(rosa, workflow, vouchers))
    page = shown(rosa, address(found))
    assert "Nothing should change, says the redesign." in page
    assert "Are vouchers money?" in page
    assert 'name="answer-0"' not in page
    assert "What was decided is said in the note of" in page


def test_a_patch_of_what_is_not_live_any_more_says_so(workflow, vouchers, rosa):
    models_answer({"text": redesign_answer(CHANGES, CASES)})
    found = begun(rosa, workflow, vouchers)
    anew = Examined.of({**REFUND, "guidance": "Be kind."}, workflow.project)
    workflow.draft(anew, "1.0.1", created_by="alice").publish("alice")
    found = complete(found)
    page = shown(rosa, address(found))
    assert '<span class="state bad">failed</span>' in page
    assert "begin anew" in page
    assert f'href="{asking(workflow)}"' in page


def test_what_is_of_another_project_is_not_found(rosa):
    assert rosa.get(asking(make_workflow(project=make_project("bob")))).status_code == 404
