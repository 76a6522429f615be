"""The pages of evaluations and gates: what they say, and who does what there."""

import re

import pytest

from evaluations import asking
from evaluations.asking import Asked
from evaluations.models import Evaluation, gate_of
from projects.models import AuditEvent
from tests.cast import REFUND, envelope, make_project, make_workflow, member, models_answer
from tests.evaluations.evaluated import add_case, add_messages, draft, evaluate
from workflows.models import Examined, Publication, Workflow

pytestmark = pytest.mark.django_db

CHEAP = "claude-haiku-5-5"
RIGHT = [
    {"user": "refund", "text": envelope({"kind": "refund"})},
    {"user": "other", "text": envelope({"kind": "other"})},
    {"user": "gibberish", "text": envelope(status="uncovered", uncovered="I do not know.")},
]
WRONG_TWICE = {"model": CHEAP, "user": "number [01]\\b", "text": envelope({"kind": "other"})}


@pytest.fixture
def workflow():
    project = make_project()
    workflow = Workflow.objects.create(project=project, name="refund")
    workflow.draft(Examined.of(REFUND, project), "1.0.0", created_by="alice")
    models_answer(*RIGHT)
    return workflow


@pytest.fixture
def version(workflow):
    return workflow.versions.get()


def begun(version, **asked):
    return asking.begin(asking.examine(Asked(version, **asked), "alice"))


def address(evaluation, word="change"):
    return f"/admin/evaluations/evaluation/{evaluation.pk}/{word}/"


def of_version(version, word):
    return f"/admin/workflows/version/{version.pk}/{word}/"


def of_gate(workflow):
    return f"/admin/evaluations/gate/{workflow.pk}/change/"


def shown(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_refused_one_says_so_first_and_why(workflow, version):
    models_answer(WRONG_TWICE, *RIGHT)
    add_messages(workflow, 20)
    evaluation = evaluate(version)
    page = shown(member(workflow.project), address(evaluation))
    assert (
        "Right in 18 of 20 cases (69.9–97.2%), the frontier in 20: refused, because it may be as much as 26.2 points worse, "
        "and 12.0 are allowed." in page
    )
    assert "It is right in 18 of 20 cases, the frontier in 20: a difference of −10.00 points" in page
    assert "18 of 20, 90.0% (69.9–97.2%)" in page
    assert "The gate stays shut on it." in page
    assert '<span class="tag">simulated</span>' in page
    assert "data-live " not in page
    assert "/publish/" not in page


def test_a_passed_one_leads_to_where_its_version_is_published(workflow, version):
    add_messages(workflow, 20)
    evaluation = evaluate(version)
    page = shown(member(workflow.project, "designer"), address(evaluation))
    assert "Right in 20 of 20 cases (83.9–100.0%), the frontier in 20: passes, at worst 11.9 points worse" in page
    assert "The gate is open: refund 1.0.0 can be published on this verdict." in page
    assert of_version(version, "publish") in page
    add_messages(workflow, 1, first=90)
    assert "It does not open the gate any more" in shown(member(workflow.project, name="vera"), address(evaluation))


def test_it_sets_arms_pairs_steps_and_detectors_beside_each_other(workflow, version):
    models_answer(WRONG_TWICE, *RIGHT)
    add_messages(workflow, 4)
    add_case(workflow, {"message": "gibberish"})
    page = shown(member(workflow.project), address(evaluate(version)))
    assert "<td>1 of 1, 100.0% (20.6–100.0%)</td><td>1 of 1, 100.0% (20.6–100.0%)</td>" in page
    assert '<th scope="row">refund 1.0.0 right</th><td class="number">2</td><td class="number">0</td>' in page
    assert '<th scope="row">refund 1.0.0 wrong</th><td class="number">2</td><td class="number">0</td>' in page
    assert "A difference of −50.0 points, between −85.0 and 10.2 at 95% (Newcombe)" in page
    assert "scripted:claude-opus-5-5" in page
    assert "What raised flags" in page


def test_failures_stand_first_and_can_be_seen_alone(workflow, version):
    models_answer({"model": CHEAP, "user": "number 3\\b", "text": envelope({"kind": "other"})}, *RIGHT)
    add_messages(workflow, 4)
    evaluation = evaluate(version)
    client = member(workflow.project)
    page = shown(client, address(evaluation))
    assert page.index("refund number 3") < min(page.index(f"refund number {n}") for n in range(3))
    for only in ("failures", "differences"):
        few = shown(client, address(evaluation) + f"?only={only}")
        assert ("refund number 3" in few, "refund number 0" in few) == (True, False)
    wrong = evaluation.results.get(arm="candidate", right=False)
    assert f"/admin/executions/execution/{wrong.execution_id}/change/" in few
    assert "{&quot;kind&quot;: &quot;other&quot;}" in few


def test_results_come_in_pages(workflow, version):
    add_messages(workflow, 30)
    evaluation = evaluate(version, against="nothing")
    client = member(workflow.project)
    assert "page 1 of 2" in shown(client, address(evaluation))
    last = shown(client, address(evaluation) + "?page=2")
    assert last.count("refund number") == 5
    assert "It was compared with nothing, so there is no verdict." in last
    for wrong in ("?page=0", "?page=nothing", "?only=<b>", "?page=99"):
        shown(client, address(evaluation) + wrong)


def test_a_running_one_says_how_far_it_is_and_follows_itself(workflow, version):
    add_messages(workflow, 3)
    evaluation = begun(version)
    page = shown(member(workflow.project), address(evaluation))
    assert "0 of 6 executions are judged, 0 are on their way." in page
    assert "data-live " in page
    assert '<progress class="whole" max="6" value="0"' in page
    assert "/cancel/" not in page  # a viewer may not


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_a_designer_cancels_it_once(workflow, version, role, status):
    add_messages(workflow, 3)
    evaluation, client = begun(version), member(workflow.project, role)
    assert client.get(address(evaluation, "cancel")).status_code == (200 if status == 302 else 404)
    assert client.post(address(evaluation, "cancel")).status_code == status
    evaluation.refresh_from_db()
    assert evaluation.status == ("cancelled" if status == 302 else "running")
    if status == 302:
        assert "It has ended: it is cancelled." in client.post(address(evaluation, "cancel")).content.decode()
        assert "It was cancelled when 0 of 6 executions were judged" in shown(client, address(evaluation))


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("designer", 302)])
def test_a_designer_raises_its_budget(workflow, version, role, status):
    add_messages(workflow, 3)
    evaluation, client = begun(version, budget=1), member(workflow.project, role)
    Evaluation.objects.update(status="waiting")
    assert client.post(address(evaluation, "budget"), {"budget": "1.50"}).status_code == status
    evaluation.refresh_from_db()
    expected = ("running", 15 * 10**11) if status == 302 else ("waiting", 1)
    assert (evaluation.status, evaluation.budget) == expected
    if status == 302:
        assert (
            "Ensure this value is greater than or equal to 0"
            in client.post(address(evaluation, "budget"), {"budget": "-1"}).content.decode()
        )


def test_the_list_tells_them_apart(workflow, version):
    models_answer(WRONG_TWICE, *RIGHT)
    add_messages(workflow, 4)
    evaluate(version)
    begun(version, against="nothing")
    client = member(workflow.project)
    page = shown(client, "/admin/evaluations/evaluation/")
    assert '<span class="state bad">refused</span>' in page
    assert "2 of 4 (15.0–85.0%)" in page
    assert "running: 0 of 4" in page
    assert "refund 1.0.0 against the frontier" in page
    assert "refund 1.0.0 alone" in page
    assert "2 of 4" not in shown(client, "/admin/evaluations/evaluation/?status=running")
    assert "2 of 4" in shown(client, f"/admin/evaluations/evaluation/?version__id__exact={version.pk}")


def test_it_says_what_it_would_cost_before_it_begins(workflow, version):
    add_messages(workflow, 20)
    client, said = member(workflow.project, "designer"), {"against": "", "repeats": "1", "tags": "", "budget": "2"}
    estimated = client.post(of_version(version, "evaluate"), said).content.decode()
    assert "40 executions of 20 cases, against the frontier: expected" in re.sub(r"\s+", " ", estimated)
    assert not Evaluation.objects.exists()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    first = client.post(of_version(version, "evaluate"), {**said, "offer": offer, "begin": "yes"})
    again = client.post(of_version(version, "evaluate"), {**said, "offer": offer, "begin": "yes"})
    evaluation = Evaluation.objects.get()
    assert first.headers["Location"] == again.headers["Location"] == address(evaluation)
    assert (evaluation.created_by, evaluation.budget, evaluation.total) == ("user:rosa", 2 * 10**12, 40)
    assert AuditEvent.objects.filter(kind="evaluation", verb="created").count() == 1


def test_what_was_not_estimated_does_not_begin(workflow, version):
    add_messages(workflow, 20)
    client, said = member(workflow.project, "designer"), {"against": "", "repeats": "1"}
    estimated = client.post(of_version(version, "evaluate"), said).content.decode()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    for changed in ({"repeats": "3"}, {"offer": "made up"}, {"budget": "1"}):
        answer = client.post(of_version(version, "evaluate"), {**said, "offer": offer, "begin": "yes", **changed})
        assert "What it would cost" in answer.content.decode()
    assert not Evaluation.objects.exists()


def test_a_step_is_tried_on_another_model(workflow, version):
    add_messages(workflow, 20)
    client = member(workflow.project, "designer")
    said = {"repeats": "1", "step:classify": "scripted:claude-sonnet-5-5"}
    estimated = client.post(of_version(version, "evaluate"), said).content.decode()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    client.post(of_version(version, "evaluate"), {**said, "offer": offer, "begin": "yes"})
    assert Evaluation.objects.get().tier_map["steps.classify"] == "scripted:claude-sonnet-5-5"
    wrong = client.post(of_version(version, "evaluate"), {**said, "step:classify": "nobody:nothing"}).content.decode()
    assert "/models/classify: " in wrong


def test_without_cases_it_says_how_to_add_some(workflow, version):
    page = shown(member(workflow.project, "designer"), of_version(version, "evaluate"))
    assert "refund has no confirmed case yet" in page
    assert "POST /api/v1/workflows/refund/cases" in page
    assert '<form method="post">' not in page


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 200), ("owner", 200)])
def test_a_designer_evaluates(workflow, version, role, status):
    add_messages(workflow, 1)
    client = member(workflow.project, role)
    assert client.get(of_version(version, "evaluate")).status_code == status
    assert client.post(of_version(version, "evaluate"), {"repeats": "1"}).status_code == status
    assert (of_version(version, "evaluate") in shown(client, of_version(version, "change"))) == (status == 200)


def test_a_shut_gate_says_what_is_missing_and_takes_a_reason(workflow, version):
    add_messages(workflow, 20)
    client = member(workflow.project, "designer")
    page = shown(client, of_version(version, "publish"))
    assert "It was never evaluated: evaluate it against the frontier." in page
    assert of_version(version, "evaluate") in page
    assert "Publish all the same" in page
    assert (
        "refund 1.0.0 has no verdict" in client.post(of_version(version, "publish"), {"override": " "}).content.decode()
    )
    assert not Publication.objects.exists()
    long = client.post(of_version(version, "publish"), {"override": "a" * 2001}).content.decode()
    assert "/override: At most 2000 characters." in long
    said = {"override": "The old model ends today."}
    assert client.post(of_version(version, "publish"), said).status_code == 302
    publication = Publication.objects.get()
    assert (publication.evidence, publication.reason) == ("overridden", "The old model ends today.")
    page = shown(client, f"/admin/workflows/workflow/{workflow.pk}/change/")
    assert 'Evidence: overridden by user:rosa: <span class="said">The old model ends today.</span>' in page


def test_what_passed_is_linked_from_what_was_published(workflow, version):
    add_messages(workflow, 20)
    evaluation, client = evaluate(version), member(workflow.project, "designer")
    page = shown(client, of_version(version, "publish"))
    assert f'<a href="{address(evaluation)}">An evaluation</a> that passed stands behind it.' in page
    assert 'name="override"' not in page
    client.post(of_version(version, "publish"), {"override": "Nobody asked."})
    assert Publication.objects.get().reason == ""
    for path in (f"/admin/workflows/workflow/{workflow.pk}/change/", of_version(version, "change")):
        assert f'<a href="{address(evaluation)}">passed</a>' in shown(client, path)
    assert "Its version is live, and this verdict holds" in shown(client, address(evaluation))


def test_with_few_cases_it_is_published_unproven_as_ever(workflow, version):
    client = member(workflow.project, "designer")
    assert "No evaluation stands behind it" in shown(client, of_version(version, "publish"))
    assert client.post(of_version(version, "publish")).status_code == 302
    assert "Evidence: none (unproven)" in shown(client, f"/admin/workflows/workflow/{workflow.pk}/change/")


def test_a_gate_that_nobody_stated_shows_the_defaults(workflow):
    add_messages(workflow, 2)
    page = shown(member(workflow.project), of_gate(workflow))
    assert "refund has 2 confirmed cases; from 20 on a version needs a verdict" in page
    assert "less than 12 points below" in page
    assert "Fewer than 20 cases cannot show that" in page
    assert "It has to flag at least 80% of the uncovered cases." in page
    assert "Nobody stated anything" in page
    assert 'type="submit" class="button default"' not in page


STATED = {"min_cases": "30", "margin": "0.05", "min_recall": "0.9", "graders": "[]", "step_graders": "{}"}


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("reviewer", 403), ("designer", 302), ("owner", 302)])
def test_a_designer_states_it(workflow, role, status):
    client = member(workflow.project, role)
    assert client.post(of_gate(workflow), STATED).status_code == status
    gate = gate_of(workflow)
    assert gate.min_cases == (30 if status == 302 else 20)
    if status == 302:
        assert gate.stated_by == "user:rosa"
        page = shown(client, of_gate(workflow))
        assert "Fewer than 52 cases cannot show that" in page
        assert "refund" in shown(client, "/admin/evaluations/gate/")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"margin": "0"}, "With a margin of 0 no number of cases is enough"),
        ({"margin": "2"}, "Ensure this value is less than or equal to 1"),
        ({"min_cases": "0"}, "Ensure this value is greater than or equal to 1"),
        ({"graders": "{"}, "Not JSON: "),
        ({"graders": "{}"}, "It has to be a JSON list."),
        ({"step_graders": "[]"}, "It has to be a JSON object."),
    ],
)
def test_what_is_wrong_with_it_is_a_sentence(workflow, wrong, said):
    answer = member(workflow.project, "designer").post(of_gate(workflow), {**STATED, **wrong})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert gate_of(workflow).min_cases == 20


def test_what_is_of_another_project_is_not_found(workflow, version):
    add_messages(workflow, 3)
    evaluation = begun(version)
    stranger = member(make_workflow(project=make_project("bob")).project, "owner")
    for path in (
        *(address(evaluation, word) for word in ("change", "cancel", "budget")),
        of_version(version, "evaluate"),
    ):
        assert stranger.get(path).status_code == stranger.post(path).status_code == 404
    assert stranger.get(of_gate(workflow)).status_code == stranger.post(of_gate(workflow), STATED).status_code == 404
    assert "refund 1.0.0" not in shown(stranger, "/admin/evaluations/evaluation/")


def test_an_incumbent_is_named(workflow, version):
    version.publish("alice")
    workflow.refresh_from_db()
    add_messages(workflow, 20)
    page = shown(member(workflow.project), address(evaluate(draft(workflow))))
    assert "the incumbent 1.0.0 in 20: passes" in page
    assert of_version(version, "change") in page


@pytest.mark.parametrize("wrong", ["0", "nothing", "99999999999999999999999", "%00", "-1"])
def test_a_wrong_id_is_not_found(workflow, wrong):
    client = member(workflow.project, "owner")
    for kind, words in (("evaluation", ("change", "cancel", "budget")), ("gate", ("change",))):
        for word in words:
            assert client.get(f"/admin/evaluations/{kind}/{wrong}/{word}/").status_code == 404
