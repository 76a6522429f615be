"""Cases in the admin: the list, the page of one, how one is added and corrected, and who may do that."""

import pytest

from evaluations import cases, gate_rules
from evaluations.models import Case
from projects.models import AuditEvent
from tests.cast import make_project, make_workflow, member

pytestmark = pytest.mark.django_db

LIST = "/admin/evaluations/case/"


@pytest.fixture
def workflow():
    return make_workflow()


@pytest.fixture
def proposed(workflow):
    said = {"message": "<b>a refund</b>"}
    return cases.add(workflow, cases.NewCase("covered", said, {"kind": "refund"}, tags=["de"], proposed=True), "user:x")


def act(client, action: str, *rows: Case) -> str:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(LIST, data, follow=True).content.decode()


def test_the_list_and_the_page_show_a_case_escaped(workflow, proposed):
    client = member(workflow.project, "viewer")
    listed = client.get(LIST).content.decode()
    assert "&lt;b&gt;a refund&lt;/b&gt;" in listed
    page = client.get(f"{LIST}{proposed.pk}/change/").content.decode()
    for said in ("&lt;b&gt;a refund", "What should come of it", "refund", "proposed", proposed.content_hash, ">de<"):
        assert said in page
    assert "<b>a refund" not in listed + page


def test_a_reviewer_confirms_and_does_not_retire(workflow, proposed):
    client = member(workflow.project, "reviewer")
    assert "1 confirmed." in act(client, "confirm", proposed)
    proposed.refresh_from_db()
    assert (proposed.state, proposed.decided_by) == ("confirmed", "user:rosa")
    act(client, "retire", proposed)
    proposed.refresh_from_db()
    assert proposed.state == "confirmed"
    assert AuditEvent.objects.filter(kind="case", actor="user:rosa").count() == 1


def test_a_designer_retires_and_what_cannot_be_is_said(workflow, proposed):
    client = member(workflow.project, "designer")
    assert "1 retired." in act(client, "retire", proposed)
    assert "Only a case that is proposed can be confirmed. It is retired." in act(client, "confirm", proposed)


def test_a_viewer_decides_nothing(workflow, proposed):
    client = member(workflow.project, "viewer")
    for action in ("confirm", "retire"):
        act(client, action, proposed)
    proposed.refresh_from_db()
    assert proposed.state == "proposed"


ADD = {
    "outcome": "covered",
    "input": '{"message": "a refund"}',
    "expected": '{"kind": "refund"}',
    "steps": "{}",
    "answers": "",
    "weight": "2.50",
    "tags": "de vip",
    "note": "From <b>Rosa</b>.",
}


def adding(workflow) -> str:
    return f"/admin/workflows/workflow/{workflow.pk}/add-case/"


def page(case, word: str = "change") -> str:
    return f"{LIST}{case.pk}/{word}/"


def test_a_designer_adds_one_by_hand(workflow):
    client = member(workflow.project, "designer")
    form = client.get(adding(workflow)).content.decode()
    assert "{\n  &quot;message&quot;: &quot;&quot;\n}" in form, "it begins with an input of the right form"
    assert "The schemas of" in form
    assert form.count(">\n{}</textarea>") == 2, "what need not be said is an empty object"
    came = client.post(adding(workflow), ADD, follow=True)
    case = Case.objects.get()
    assert "It counts now: 1 of 20 are confirmed; with 20 the gate asks for a verdict." in came.content.decode()
    assert (case.input, case.expected, case.expects_flag) == ({"message": "a refund"}, {"kind": "refund"}, False)
    assert (case.state, case.source, case.created_by, case.tags) == ("confirmed", "hand", "user:rosa", ["de", "vip"])
    assert str(case.weight) == "2.500"
    event = AuditEvent.objects.get(kind="case")
    assert (event.verb, event.actor, event.object_id) == ("created", "user:rosa", str(case.pk))


@pytest.mark.parametrize(
    ("outcome", "kind", "flagged"),
    [("boundary", "boundary", False), ("boundary flagged", "boundary", True), ("uncovered", "uncovered", True)],
)
def test_what_it_is_says_whether_it_expects_a_flag(workflow, outcome, kind, flagged):
    said = {**ADD, "outcome": outcome, "expected": "" if flagged else ADD["expected"]}
    assert member(workflow.project, "designer").post(adding(workflow), said).status_code == 302
    assert (Case.objects.get().kind, Case.objects.get().expects_flag) == (kind, flagged)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"input": "{"}, "Not JSON: "),
        ({"input": ""}, "This field is required."),
        ({"input": '{"message": 1}'}, "/message: "),
        ({"input": '{"message": "a", "more": 1}'}, "more"),
        ({"expected": ""}, "Say what the answer should be."),
        ({"outcome": "uncovered"}, "Where a flag is expected there is no answer to expect."),
        ({"outcome": "nothing"}, "Select a valid choice."),
        ({"steps": '{"nothing": 1}'}, "/nothing: There is no step &#x27;nothing&#x27;."),
        ({"answers": '{"classify": 1}'}, "A model step is executed, not answered."),
        ({"answers": "[]"}, "It has to be a JSON object."),
        ({"weight": "much"}, "This must be a weight, such as &quot;2.5&quot;."),
        ({"weight": "0"}, "A weight is from 0.001 to 99999.999"),
        ({"tags": "a,b"}, "A tag is a word of at most 50 letters"),
    ],
)
def test_what_is_wrong_with_it_stands_beside_its_field(workflow, wrong, said):
    came = member(workflow.project, "designer").post(adding(workflow), {**ADD, **wrong})
    assert came.status_code == 200
    assert said in came.content.decode()
    assert "What is wrong stands beside its field." in came.content.decode()
    assert not Case.objects.exists()


def test_what_is_there_already_is_linked(workflow):
    client = member(workflow.project, "designer")
    client.post(adding(workflow), ADD)
    came = client.post(adding(workflow), ADD).content.decode()
    assert f'<a href="{page(Case.objects.get())}">The same case</a> is there already.' in came


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_only_a_designer_changes_what_counts(workflow, proposed, role, status):
    client = member(workflow.project, role)
    links = [page(proposed, word) for word in ("replace", "retire")]
    shown = client.get(page(proposed)).content.decode()
    assert [link in shown for link in links] == [status == 302] * 2
    assert (page(proposed, "confirm") in shown) is (role != "viewer")
    assert (adding(workflow) in client.get(LIST).content.decode()) is (status == 302)
    said = {**ADD, "input": '{"message": "another"}'}
    assert client.post(adding(workflow), ADD).status_code == status
    assert client.post(links[0], said).status_code == status
    assert client.post(links[1]).status_code == (200 if status == 302 else 404)  # it is retired by now
    assert Case.objects.count() == (3 if status == 302 else 1)


def test_a_corrected_one_takes_the_place_of_the_other(workflow, proposed):
    client = member(workflow.project, "designer")
    form = client.get(page(proposed, "replace")).content.decode()
    assert "&lt;b&gt;a refund" in form
    assert 'value="de"' in form
    client.post(page(proposed, "replace"), {**ADD, "expected": '{"kind": "other"}'})
    proposed.refresh_from_db()
    made = Case.objects.confirmed().get()
    assert (proposed.state, proposed.decided_by) == ("retired", "user:rosa")
    assert (made.expected, made.created_by) == ({"kind": "other"}, "user:rosa")
    events = AuditEvent.objects.filter(actor="user:rosa", kind="case").order_by("pk")
    assert [one.verb for one in events] == ["changed", "created"]
    again = client.get(page(proposed, "replace")).content.decode()
    assert "It is retired already: add another one." in again


def test_what_would_be_there_twice_replaces_nothing(workflow, proposed):
    client = member(workflow.project, "designer")
    client.post(adding(workflow), ADD)
    came = client.post(page(proposed, "replace"), ADD).content.decode()
    proposed.refresh_from_db()
    assert "is there already." in came
    assert proposed.state == "proposed"


def test_one_is_confirmed_and_retired_on_its_page(workflow, proposed):
    client = member(workflow.project, "designer")
    assert "You stand for it" in client.get(page(proposed, "confirm")).content.decode()
    assert "It is confirmed." in client.post(page(proposed, "confirm"), follow=True).content.decode()
    assert "It is retired." in client.post(page(proposed, "retire"), follow=True).content.decode()
    assert "This cannot be done: It is retired." in client.get(page(proposed, "confirm")).content.decode()


def test_the_list_says_how_many_are_wanted(workflow, proposed):
    client = member(workflow.project, "designer")
    for n in range(3):
        cases.add(workflow, cases.NewCase("covered", {"message": f"refund {n}"}, {"kind": "refund"}), "user:x")
    cases.add(workflow, cases.NewCase("uncovered", {"message": "the moon"}), "user:x")
    shown = client.get(LIST).content.decode()
    assert "4 of 20, until" in shown
    assert '<td class="number">3</td><td class="number">0</td><td class="number">1</td>' in shown
    assert f'?workflow__id__exact={workflow.pk}&amp;state__exact=proposed">1</a>' in shown
    gate_rules.state(workflow, {"min_cases": 4}, "user:x")
    assert "4: <a" in client.get(LIST).content.decode()


@pytest.mark.parametrize("query", ["", "?workflow__id__exact={}", "?state__exact=proposed"])
def test_an_empty_list_says_how_to_begin(workflow, query):
    shown = member(workflow.project, "designer").get(LIST + query.format(workflow.pk)).content.decode()
    assert "There is no case yet. Add one of a workflow" in shown
    assert adding(workflow) in shown
    assert f"/admin/workflows/workflow/{workflow.pk}/import-cases/" in shown


def test_it_is_filtered_by_tag(workflow, proposed):
    client = member(workflow.project, "viewer")
    said = {"message": "another"}
    cases.add(workflow, cases.NewCase("covered", said, {"kind": "other"}, tags=["d", "vip"]), "user:x")
    assert "?tag=vip" in client.get(LIST).content.decode()
    for tag, there in (("d", [False, True]), ("de", [True, False]), ("nothing", [False, False])):
        shown = client.get(f"{LIST}?tag={tag}").content.decode()
        assert [text in shown for text in ("a refund&lt;", ">another<")] == there, tag


def test_another_project_is_told_of_none(workflow, proposed):
    stranger = member(make_workflow(project=make_project("bob"), name="other").project, "owner")
    shown = stranger.get(f"{LIST}?workflow__id__exact={workflow.pk}").content.decode()
    assert adding(workflow) not in shown
    assert "a refund" not in stranger.get(LIST).content.decode()
    assert stranger.get(adding(workflow)).status_code == stranger.post(adding(workflow), ADD).status_code == 404
    for word in ("replace", "confirm", "retire"):
        assert stranger.post(page(proposed, word), ADD).status_code == 404


def test_an_archived_workflow_takes_none(workflow):
    workflow.archive("alice")
    client = member(workflow.project, "designer")
    assert "This cannot be done: refund is archived" in client.get(adding(workflow)).content.decode()
    assert client.post(adding(workflow), ADD).status_code == 200
    assert not Case.objects.exists()
