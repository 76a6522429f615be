"""Cases from and to files: what a table may say, what is wrong with which line, and that an export comes in as the same set."""

import csv
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evaluations import cases
from evaluations.models import Case
from projects.models import AuditEvent
from tests.cast import make_project, make_workflow

pytestmark = pytest.mark.django_db

LINES = """\
{"kind": "covered", "input": {"message": "a refund"}, "expected": {"kind": "refund"}, "tags": ["de"], "weight": "2.5"}

{"kind": "uncovered", "input": {"message": "the moon"}, "note": "=1+1"}
"""
TABLE = """\
kind,weight,tags,note,input.message,expected.kind
covered,2.5,de vip,,"a
refund",refund
uncovered,,,,the moon,
"""


@pytest.fixture
def workflow():
    return make_workflow()


def ran(*words) -> str:
    out = StringIO()
    call_command(*map(str, words), stdout=out)
    return out.getvalue()


def imported(tmp_path, text: str, name: str = "cases.jsonl", *more: str) -> str:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return ran("import_cases", "refund", "--project", "alice", tmp_path / name, *more)


def complaint(tmp_path, text: str, name: str = "cases.jsonl") -> list[str]:
    with pytest.raises(CommandError) as raised:
        imported(tmp_path, text, name)
    assert not Case.objects.exists()
    return str(raised.value).splitlines()


def test_lines_of_json_become_cases(tmp_path, workflow):
    said = imported(tmp_path, LINES)
    standing = cases.standing(workflow)
    assert said == f"refund in alice: added 2; 2 count now, 0 are proposed. The set is {standing['hash']}.\n"
    rows = Case.objects.order_by("pk")
    assert [(row.kind, row.input, row.expected, row.tags, str(row.weight), row.note) for row in rows] == [
        ("covered", {"message": "a refund"}, {"kind": "refund"}, ["de"], "2.500", ""),
        ("uncovered", {"message": "the moon"}, None, [], "1.000", "=1+1"),
    ]
    assert {(row.source, row.state, row.created_by) for row in rows} == {
        ("import", "confirmed", "command:import_cases")
    }
    event = AuditEvent.objects.latest("pk")
    assert (event.actor, event.verb, event.kind, event.detail["imported"]) == (
        *("command:import_cases", "changed", "workflow"),
        2,
    )


def test_a_table_has_fields_as_columns(tmp_path, workflow):
    assert json.loads(imported(tmp_path, "\ufeff" + TABLE, "cases.csv", "--proposed", "--json"))["proposed"] == 2
    first, second = Case.objects.order_by("pk")
    assert (first.input, first.expected, first.tags) == ({"message": "a\nrefund"}, {"kind": "refund"}, ["de", "vip"])
    assert (second.kind, second.input, second.expects_flag) == ("uncovered", {"message": "the moon"}, True)
    assert first.state == "proposed"


def test_every_wrong_line_is_named_and_nothing_is_kept(tmp_path, workflow):
    text = LINES + '{"kind": "covered"\n["x"]\n{"kind": "covered", "input": {"message": "x"}, "expectd": 1}\n'
    assert complaint(tmp_path, text) == [
        "Nothing was imported:",
        "  line 4:  Not JSON: Expecting ',' delimiter at line 1, column 19.",
        "  line 5:  A line is a JSON object.",
        "  line 6: /expectd Unknown key.",
    ]
    again = LINES + LINES.splitlines()[0] + '\n{"kind": "covered", "input": {}, "expected": {"kind": "x"}}\n'
    assert complaint(tmp_path, again)[1:] == [
        "  line 4:  This is the same case as line 1.",
        "  line 5: /input/message 'message' is missing.",
    ]


def test_the_lines_of_a_table_are_counted_as_they_stand(tmp_path, workflow):
    wrong = TABLE + "covered,no,,,x,y\ncovered,1,,,x,y,z\ncovered,1,,,x,\n"
    assert complaint(tmp_path, wrong, "cases.csv")[1:] == [
        '  line 5: /weight This must be a weight, such as "2.5".',
        "  line 6:  There are 7 cells in 6 columns.",
    ]
    assert complaint(tmp_path, TABLE + "covered,1,,,x,\n", "cases.csv")[1:] == [
        "  line 5: /expected Say what the answer should be."
    ]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("kind,input,colour", "line 1: the column 'colour' is unknown, or stands there twice."),
        ("kind,input,input", "line 1: the column 'input' is unknown, or stands there twice."),
        ("kind,input,input.message", "line 1: the column 'input' is unknown, or stands there twice."),
        ("kind,note", "line 1: there is no column input (or input.FIELD)."),
        ("", "line 1: there is no column kind."),
        ('kind,"input', "line 1: this is not CSV: unexpected end of data."),
    ],
)
def test_a_wrong_header_is_said(header, said, tmp_path, workflow):
    assert complaint(tmp_path, header, "cases.csv") == [f"Nothing was imported: {said}"]


def test_a_file_of_another_kind_or_none_is_said(tmp_path, workflow):
    assert "ends in .jsonl or .csv" in complaint(tmp_path, LINES, "cases.txt")[0]
    assert complaint(tmp_path, "\n") == ["Nothing was imported: The file has no case."]
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        ran("import_cases", "refund", "--project", "alice", tmp_path / "nothing.csv")
    with pytest.raises(CommandError, match="no workflow 'refnd' in alice; there are refund"):
        ran("import_cases", "refnd", "--project", "alice", tmp_path / "nothing.csv")


def test_what_is_there_already_is_named(tmp_path, workflow):
    imported(tmp_path, LINES.splitlines()[2])
    pk = Case.objects.get().pk
    with pytest.raises(CommandError, match=f"  line 3:  This case is there already: {pk}."):
        imported(tmp_path, LINES)
    assert Case.objects.count() == 1


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_an_export_comes_in_as_the_same_set(name, tmp_path, workflow):
    for said in odd():
        cases.add(workflow, said, "user:rosa")
    cases.add(workflow, cases.NewCase("uncovered", {"message": "later"}, proposed=True), "user:rosa")
    file = tmp_path / name
    out = ran("export_cases", "refund", "--project", "alice", file, "--proposed")
    assert out == f"Wrote {len(odd()) + 1} cases of refund to {file}.\n"
    other = make_workflow(project=make_project("bob"))
    ran("import_cases", "refund", "--project", "bob", file)
    assert cases.standing(other) == cases.standing(workflow)
    words = [sorted((row.note, row.tags) for row in one.cases.all()) for one in (workflow, other)]
    assert words[0] == words[1]
    event = AuditEvent.objects.filter(verb="exported").get()
    assert event.detail["cases"] == len(odd()) + 1


def odd() -> list[cases.NewCase]:
    """What tables have trouble with."""
    notes = ["=1+1", "'quoted'", "'=x", "''=x", "-5", "@x", "\tx", 'a "b", c\r\nd', " x ", "é ✓"]
    made = [
        cases.NewCase("covered", {"message": f"{n} {note}"}, {"kind": note}, note=note) for n, note in enumerate(notes)
    ]
    return [
        *made,
        cases.NewCase("boundary", {"message": "b"}, expects_flag=True, tags=["-x", "+y"]),
        cases.NewCase(
            "boundary", {"message": "c"}, {"kind": "x"}, steps={"clean": {"text": "c"}}, weight=cases.MAX_WEIGHT
        ),
    ]


def test_no_cell_of_a_table_is_a_formula(tmp_path, workflow):
    for said in odd():
        cases.add(workflow, said, "user:rosa")
    ran("export_cases", "refund", "--project", "alice", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
