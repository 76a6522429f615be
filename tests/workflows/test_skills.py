"""An Agent Skill as the draft of a workflow: what becomes of its text, and what of the folder is kept."""

import io
import os

import pytest
from django.core.management import CommandError, call_command

from executions import worker
from executions.drivers import plain
from executions.queue import submit
from tests.cast import envelope, make_project, models_answer
from tests.secrets import LETTERS
from workflows.definition import Definition
from workflows.models import Version, Workflow
from workflows.prompts import fill

pytestmark = pytest.mark.django_db

SKILL = """---
name: refund-reply
description: Answers a customer who asks for a refund.
license: MIT
metadata: {version: "1.0"}
---

# Refund replies

Say {{ name }} politely: see references/policy.md.
"""


@pytest.fixture(autouse=True)
def shop():
    return make_project("shop")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "skill"
    (root / "references").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "SKILL.md").write_text(SKILL)
    (root / "references" / "policy.md").write_text("Thirty days.\n")
    (root / "logo.png").write_bytes(b"\x89PNG\x00\x01")
    (root / ".git" / "config").write_text("hidden")
    return root


def bring(folder, *arguments: str) -> str:
    written = io.StringIO()
    call_command("import_workflow", "--skill", str(folder), *arguments, "--project", "shop", stdout=written)
    return written.getvalue().strip()


def test_a_skill_becomes_a_draft_that_follows_its_text(folder):
    said = bring(folder, "refunds")
    assert said == "refunds in shop: added the draft 1.0.0. Left out, because it is no text: logo.png."
    version = Version.objects.get()
    definition = version.parsed()
    assert (definition.title, definition.purpose) == (*("Refund replies", "Answers a customer who asks for a refund."),)
    assert [(step.id, step.tier) for step in definition.steps] == [("follow", "cheap")]
    guidance = fill(definition.guidance, definition.constants)
    assert guidance == "# Refund replies\n\nSay {{ name }} politely: see references/policy.md.\n"
    assert version.design_context == {
        "skill": {
            "front_matter": {
                "name": "refund-reply",
                "description": "Answers a customer who asks for a refund.",
                "license": "MIT",
                "metadata": {"version": "1.0"},
            },
            "files": {"references/policy.md": "Thirty days.\n"},
            "left_out": ["logo.png"],
        }
    }
    assert version.workflow.live is None


def test_the_draft_executes(folder):
    bring(folder)
    version = Version.objects.select_related("workflow__project").get()
    assert version.workflow.name == "refund-reply"
    models_answer({"system": "Refund replies", "user": "kettle", "text": envelope({"response": "With pleasure."})})
    execution = submit(version, None, {"message": "My kettle is broken."}, actor="test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.output) == ("completed", {"response": "With pleasure."})


def test_the_same_skill_twice_changes_nothing_and_a_changed_one_is_a_new_draft(folder):
    bring(folder)
    assert bring(folder).startswith("refund-reply in shop: everything was there already, and nothing has changed.")
    (folder / "references" / "policy.md").write_text("Sixty days.\n")
    assert bring(folder).startswith("refund-reply in shop: added the draft 1.1.0.")
    (folder / "SKILL.md").write_text(SKILL + "\nAnd be brief.\n")
    assert bring(folder).startswith("refund-reply in shop: added the draft 1.2.0.")
    assert Version.objects.count() == 3


def test_a_secret_beside_it_is_taken_out_and_one_in_its_text_refused(folder):
    (folder / "key.txt").write_text(f"sk-ant-api03-{LETTERS}")
    bring(folder)
    assert Version.objects.get().design_context["skill"]["files"]["key.txt"] == "[redacted:api-key]"
    assert bring(folder).startswith("refund-reply in shop: everything was there already")
    (folder / "SKILL.md").write_text(SKILL + f"sk-ant-api03-{LETTERS}")
    with pytest.raises(CommandError, match="/guidance: This holds what looks like a secret"):
        bring(folder)
    assert Version.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# No front matter", "SKILL.md begins with its front matter"),
        ("---\nname: a\n", "SKILL.md begins with its front matter"),
        ("---\nname: a\n---\nText", "has no description"),
        ("---\nname: 7\ndescription: b\n---\nText", "has no name, which is a text"),
        ("---\n- a\n---\nText", "has no name"),
        ("---\nname: a\nname: b\n---\nText", "The front matter of SKILL.md: The key 'name' stands twice"),
        ("---\nname: a\ndescription: b\n---\n \n", "says nothing below its front matter"),
        ("---\nname: A B\ndescription: b\n---\nText", "'A B': A name has 1 to 100 lower-case letters.*; say one by --name"),
        ("---\nname: a\ndescription: b\n---\n" + "x" * 300_000, "SKILL.md has more than 262144 bytes"),
        ("---\nname: a\ndescription: b\n---\nx\x00", "SKILL.md is no text"),
    ],
)  # fmt: skip
def test_a_skill_that_is_none_is_refused(folder, text, said):
    (folder / "SKILL.md").write_text(text)
    with pytest.raises(CommandError, match=said):
        bring(folder)
    assert not Workflow.objects.exists()


def test_a_folder_without_a_skill_is_refused(tmp_path):
    with pytest.raises(CommandError, match=r"has no SKILL\.md"):
        bring(tmp_path)


def test_nothing_outside_of_the_folder_is_read(folder, tmp_path):
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "more").mkdir()
    for name, target in (("a.txt", "secret.txt"), ("b", "more"), ("c.txt", "nothing.txt")):
        link = folder / name
        link.symlink_to(tmp_path / target)
        with pytest.raises(CommandError, match=f"{name} is a link that leads out of the folder"):
            bring(folder)
        link.unlink()
    (folder / "SKILL.md").unlink()
    (tmp_path / "SKILL.md").write_text(SKILL)
    (folder / "SKILL.md").symlink_to(tmp_path / "SKILL.md")
    with pytest.raises(CommandError, match=r"SKILL\.md is a link that leads out of the folder"):
        bring(folder)


def test_a_link_inside_of_the_folder_is_followed(folder):
    (folder / "policy.md").symlink_to(folder / "references" / "policy.md")
    bring(folder)
    assert Version.objects.get().design_context["skill"]["files"]["policy.md"] == "Thirty days.\n"


def test_what_is_no_file_is_left_out_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    assert bring(folder).endswith("Left out, because it is no text: logo.png, pipe.")


@pytest.mark.parametrize(("count", "size"), [(101, 1), (1, 1024 * 1024 + 1), (3, 400 * 1024)])
def test_a_folder_has_a_bound(folder, count, size):
    for number in range(count):
        (folder / f"{number}.txt").write_text("x" * size)
    with pytest.raises(CommandError, match="has more than"):
        bring(folder)


def test_a_name_that_cannot_be_kept_is_refused(folder):
    (folder / b"\xff.txt".decode("utf-8", "surrogateescape")).write_text("x")
    with pytest.raises(CommandError, match="cannot be kept"):
        bring(folder)


def test_the_definition_is_one_of_the_format(folder):
    bring(folder, "--name", "named")
    stored = Version.objects.get(workflow__name="named").definition
    assert Definition.model_validate(stored).steps[0].prompt == "{{ input }}"
