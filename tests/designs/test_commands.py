"""`manage.py design` and `redesign`: an estimate, a draft, what a person is asked."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from designs import running
from designs.models import Design
from executions.working import working
from tests.cast import make_project, make_workflow, models_answer
from tests.designs.designed import TASK, design_answer, redesign_answer
from tests.designs.test_redesigning import ADD, CASES, FRONTIER, flagged

pytestmark = pytest.mark.django_db(transaction=True)


def ran(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    with working([running.advance_all]):
        call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def alice():
    return make_project()


def test_a_design_from_files(alice, tmp_path):
    models_answer({"text": design_answer()})
    (tmp_path / "task.md").write_text(TASK)
    (tmp_path / "policy.md").write_text("R1 None after 30 days.")
    (tmp_path / "past.csv").write_text("input.message,expected.kind\nA refund,refund\n")
    files = (
        "--task",
        f"@{tmp_path}/task.md",
        "--policy",
        f"{tmp_path}/policy.md",
        "--examples",
        f"{tmp_path}/past.csv",
    )
    out, err = ran("design", "refund", "--project", "alice", *files, "--per-month", "1000")
    assert "expected cost" in err and "simulated" in err
    assert "Draft 1.0.0 of refund, with 7 proposed cases." in out
    assert "Asked of you: Who reads Polish? (Meanwhile: Nobody: uncovered.)" in out
    made = Design.objects.get()
    assert made.examples == [{"input": {"message": "A refund"}, "output": {"kind": "refund"}}]
    assert made.brief["policies"] == [{"name": "policy.md", "text": "R1 None after 30 days."}]


def test_an_agent_skill(alice, tmp_path):
    models_answer({"text": design_answer()})
    (tmp_path / "SKILL.md").write_text(
        "---\nname: refund\ndescription: Decide refunds of the shop, all day long.\n---\n# How\nKindly.\n"
    )
    (tmp_path / "words.txt").write_text("refund, money back")
    out, _ = ran("design", "refund", "--project", "alice", "--skill", str(tmp_path), "--json")
    assert json.loads(out)["draft"] == "1.0.0"
    made = Design.objects.get()
    assert made.brief["task"] == "Decide refunds of the shop, all day long."
    assert (made.brief["document"], made.brief["files"]) == ("# How\nKindly.\n", {"words.txt": "refund, money back"})


def test_only_the_estimate(alice):
    _, err = ran("design", "refund", "--project", "alice", "--task", TASK, "--estimate")
    assert "expected cost" in err
    assert not Design.objects.exists()


def test_one_that_never_holds_says_what_was_wrong(alice):
    models_answer({"text": "Hm."})
    with pytest.raises(CommandError) as raised:
        ran("design", "refund", "--project", "alice", "--task", TASK, "--rounds", "1")
    assert "It came to nothing that holds in the only round." in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", " "), "/task Say in plain words"),
        (("--task", "@/no/such/file"), "cannot be read"),
        *(
            (("--task", TASK, f"--budget={amount}"), "an amount in USD")
            for amount in ("much", "NaN", "Infinity", "-1", "1e30", "1_0", "1e-30", "0.0000000000001")
        ),
        (("--task", TASK, "--examples", "past.txt"), "cannot be read"),
        (("--follow", "0190a000-0000-7000-8000-000000000000"), "has no design"),
    ],
)
def test_what_is_wrong_is_said(alice, arguments, said):
    with pytest.raises(CommandError) as raised:
        call_command("design", "refund", "--project", "alice", *arguments, stderr=StringIO())
    assert said in str(raised.value)
    assert not Design.objects.exists()


def test_a_redesign_of_the_heaviest_groups(alice):
    workflow = make_workflow(project=alice)
    flagged(workflow)
    models_answer({**FRONTIER, "text": redesign_answer([ADD], CASES)})
    out, _ = ran("redesign", "refund", "--project", "alice", "--note", "Not here.")
    assert "Draft 1.1.0 of refund, with 2 proposed cases." in out


def test_a_redesign_without_flags_says_so(alice):
    make_workflow(project=alice)
    with pytest.raises(CommandError, match="None of these has a flag"):
        call_command("redesign", "refund", "--project", "alice", stderr=StringIO())
