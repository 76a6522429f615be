"""Cases that come in a file through the admin, all or none, and go out in one."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from evaluations import case_files, cases
from evaluations.models import Case, set_hash
from projects.models import AuditEvent
from tests.cast import make_project, make_workflow, member

pytestmark = pytest.mark.django_db

JSONL = (
    '{"kind": "covered", "input": {"message": "a refund"}, "expected": {"kind": "refund"}}\n'
    '\n{"kind": "uncovered", "input": {"message": "the <b>moon</b>"}, "tags": ["space"], "weight": "2.5"}\n'
)
CSV = "kind,input.message,expected.kind,tags\ncovered,a refund,refund,de vip\nuncovered,the moon,,\n"


@pytest.fixture
def workflow():
    return make_workflow()


def address(workflow, word):
    return f"/admin/workflows/workflow/{workflow.pk}/{word}-cases/"


def send(client, workflow, text, name="cases.jsonl", **more):
    file = SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())
    return client.post(address(workflow, "import"), {"file": file, **more}, follow=True)


@pytest.mark.parametrize(("name", "text"), [("cases.jsonl", JSONL), ("cases.csv", CSV)])
def test_a_file_adds_all_of_its_cases(workflow, name, text):
    came = send(member(workflow.project, "designer"), workflow, text, name).content.decode()
    assert "Added 2: 2 of 20 are confirmed; with 20 the gate asks for a verdict." in came
    rows = Case.objects.order_by("pk").values_list("kind", "state", "source", "created_by")
    assert list(rows) == [(kind, "confirmed", "import", "user:rosa") for kind in ("covered", "uncovered")]
    event = AuditEvent.objects.get(actor="user:rosa", kind="workflow")
    assert (event.verb, event.kind, event.detail["imported"]) == ("changed", "workflow", 2)


def test_they_may_be_proposed_only(workflow):
    send(member(workflow.project, "designer"), workflow, JSONL, proposed="on")
    assert set(Case.objects.values_list("state", flat=True)) == {"proposed"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cases.jsonl", JSONL + "nonsense\n", ["<strong>line 4: </strong>", "Not JSON"]),
        ("cases.jsonl", '{"kind": "covered", "input": {"message": 1}, "expected": {}}', ["line 1: /input/message"]),
        ("cases.jsonl", '{"kind": "<b>"}\n[]', ["line 1: /kind", "line 2: ", "A line is a JSON object."]),
        ("cases.csv", "kind,unknown\n", ["the column &#x27;unknown&#x27; is unknown"]),
        ("cases.csv", CSV + "covered,a\n", ["line 4: ", "There are 2 cells in 4 columns."]),
        ("cases.txt", JSONL, ["a file of cases ends in .jsonl or .csv"]),
        ("cases.jsonl", "\n\n", ["The file has no case."]),
        ("cases.jsonl", b"\xff\xfe{}", ["The file is not UTF-8."]),
    ],
)
def test_of_a_file_with_something_wrong_nothing_is_kept(workflow, name, text, said):
    came = send(member(workflow.project, "designer"), workflow, text, name).content.decode()
    assert "Nothing was imported: " in came
    for one in said:
        assert one in came
    assert "<b>" not in came.partition("Nothing was imported")[2].partition("</ul>")[0]
    assert not Case.objects.exists()


def test_what_is_there_already_is_named_by_its_line(workflow):
    cases.add(workflow, cases.NewCase("uncovered", {"message": "the moon"}), "user:x")
    came = send(member(workflow.project, "designer"), workflow, CSV, "cases.csv").content.decode()
    assert "<strong>line 3: </strong>" in came
    assert "This case is there already" in came
    assert Case.objects.count() == 1


def test_a_file_that_does_not_arrive_whole_is_none(workflow):
    """Of a body that is too large the server hands on a part; it might end just behind a line."""
    came = send(member(workflow.project, "designer"), workflow, JSONL + " " * 2 * 1024 * 1024).content.decode()
    assert "A file that is sent here has at most 2 MB" in came
    assert not Case.objects.exists()


def test_without_a_file_there_is_nothing_to_import(workflow):
    came = member(workflow.project, "designer").post(address(workflow, "import"), {}).content.decode()
    assert "This field is required." in came


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 200)])
def test_a_designer_imports(workflow, role, status):
    client = member(workflow.project, role)
    assert client.get(address(workflow, "import")).status_code == status
    assert send(client, workflow, JSONL).status_code == status
    assert Case.objects.count() == (2 if status == 200 else 0)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_what_goes_out_comes_in_again_as_the_same_set(workflow, format):
    client = member(workflow.project, "designer")
    send(client, workflow, JSONL)
    cases.add(workflow, cases.NewCase("uncovered", {"message": "the sun"}, proposed=True), "user:x")
    came = client.post(address(workflow, "export"), {"format": format})
    content = b"".join(came.streaming_content)
    assert came["Content-Disposition"] == f'attachment; filename="refund-cases.{format}"'
    other = make_workflow(project=make_project("bob"))
    taken = case_files.take(other, f"cases.{format}", content, "user:x")
    hashes = [set_hash(one.content_hash for one in several) for several in (taken, workflow.cases.confirmed())]
    assert hashes[0] == hashes[1]
    event = AuditEvent.objects.get(verb="exported")
    assert (event.actor, event.kind, event.detail) == ("user:rosa", "workflow", {"cases": 2, "hash": hashes[0]})


def test_the_proposed_ones_go_out_where_they_are_asked_for(workflow):
    send(client := member(workflow.project, "designer"), workflow, JSONL, proposed="on")
    assert client.post(address(workflow, "export"), {"format": "jsonl"}).getvalue() == b""
    came = client.post(address(workflow, "export"), {"format": "jsonl", "proposed": "on"})
    assert came.getvalue().count(b'"proposed": true') == 2


def test_whoever_sees_each_case_may_have_them_all(workflow):
    viewer, stranger = member(workflow.project), member(make_project("bob"), "owner", "bob")
    for client, status in ((viewer, 200), (stranger, 404)):
        assert client.get(address(workflow, "export")).status_code == status
        assert client.post(address(workflow, "export"), {"format": "csv"}).status_code == status
    assert client.post(address(workflow, "export"), {"format": "xml"}).status_code == 404
    assert "Select a valid choice." in viewer.post(address(workflow, "export"), {"format": "xml"}).content.decode()
