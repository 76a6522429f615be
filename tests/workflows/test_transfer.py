"""A workflow carried from one project to another, by the commands: what comes with it, what is refused, and that a second
import changes nothing."""

import io
import json
import sys
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.neighbours import everything
from wire import strict_json, strict_yaml
from workflows.models import Examined, Publication, Version, Workflow

pytestmark = pytest.mark.django_db

TOOL = {"id": "deliver", "kind": "tool", "tool": "support.deliver", "arguments": {}}
SAID = {
    "changelog": "Says what a refund is.\nAnd: no more.",
    "design_context": {"requirements": ["be kind", "12:30"], "note": "line\nline\n"},
    "designed_by": "claude-opus-5-5",
    "designed_at": datetime(2026, 11, 1, 9, 30, tzinfo=UTC),
    "intelligence_level": "frontier",
    "design_cost": 300_000_000_001,
    "created_by": "alice",
}


@pytest.fixture
def workflow():
    """Of Alice: 1.0.0 is live, 1.1.0 a draft with everything that can be said of one; a baseline is stated."""
    workflow = make_workflow()
    later = {**REFUND, "guidance": "Be kind.\n\n  - always\n", "constants": {"limit": "0123", "on": "no", "n": 1e16}}
    workflow.draft(Examined.of(later, workflow.project), "1.1.0", **SAID)
    workflow.baselines.create(
        method="declared",
        model="scripted:claude-opus-5-5",
        cost_per_execution=20_000_000_000,
        prompt="Decide this refund:\n{{ input }}\n",
        valid_from=datetime(2026, 11, 2, tzinfo=UTC),
        stated_by="alice",
    )
    return workflow


@pytest.fixture
def bob():
    return make_project("bob")


def export(*arguments: str) -> str:
    written = io.StringIO()
    call_command("export_workflow", *arguments, stdout=written, stderr=io.StringIO())
    return written.getvalue()


@pytest.fixture
def exported(workflow, tmp_path):
    file = tmp_path / "refund.yaml"
    export("refund", "--project", "alice", "--output", str(file))
    return file


def bring(*arguments: object) -> str:
    written = io.StringIO()
    call_command("import_workflow", *map(str, arguments), stdout=written)
    return written.getvalue().strip()


def edited(file, **changes: object):
    file.write_text(strict_yaml.dumps({**strict_yaml.loads(file.read_text()), **changes}))
    return file


def test_it_arrives_with_all_that_is_said_of_it_and_the_same_hashes(workflow, exported, bob):
    said = bring(exported, "--project", "bob")
    assert said == (
        "refund in bob: added the drafts 1.0.0, 1.1.0 and 1 baseline. "
        "1.0.0 was live where it comes from; --publish publishes it here."
    )
    arrived = Workflow.objects.get(project=bob)
    assert arrived.live is None
    for one, other in zip(workflow.versions.order_by("pk"), arrived.versions.order_by("pk"), strict=True):
        kept = ("number", "definition", "content_hash", "warnings", *(key for key in SAID if key != "created_by"))
        assert [getattr(one, key) for key in kept] == [getattr(other, key) for key in kept]
        assert other.created_by == "command:import_workflow"
    same = ("method", "model", "cost_per_execution", "prompt", "valid_from")
    assert list(arrived.baselines.values_list(*same)) == list(workflow.baselines.values_list(*same))
    assert export("refund", "--project", "bob").replace("published: null", "published: 1.0.0") == exported.read_text()


def test_the_same_import_twice_changes_nothing_and_says_so(exported, bob):
    bring(exported, "--project", "bob", "--publish")
    before = everything()
    for more in ((), ("--publish",)):
        said = bring(exported, "--project", "bob", *more)
        assert said == "refund in bob: everything was there already, and nothing has changed."
    told = json.loads(bring(exported, "--project", "bob", "--json"))
    assert (told["changed"], told["added"], told["there"]) == (False, [], ["1.0.0", "1.1.0"])
    assert everything() == before


def test_a_later_import_adds_what_is_new(workflow, exported, bob):
    bring(exported, "--project", "bob")
    workflow.draft(Examined.of({**REFUND, "title": "Refunds"}, workflow.project), "2.0.0", created_by="alice")
    export("refund", "--project", "alice", "--output", str(exported))
    assert bring(exported, "--project", "bob").startswith("refund in bob: added the draft 2.0.0.")
    assert list(Version.objects.filter(workflow__project=bob).order_by("pk").values_list("number", flat=True)) == [
        *("1.0.0", "1.1.0", "2.0.0")
    ]


def test_it_is_published_where_that_is_asked_for_and_executes(exported, bob):
    models_answer({"text": envelope({"kind": "refund"})})
    said = bring(exported, "--project", "bob", "--name", "money-back", "--publish")
    assert said == (
        "money-back in bob: added the drafts 1.0.0, 1.1.0 and 1 baseline. money-back in bob: published 1.0.0."
    )
    arrived = Workflow.objects.select_related("live__version__workflow__project").get(project=bob)
    assert (arrived.name, arrived.live.version.number, arrived.live.published_by) == (
        *("money-back", "1.0.0", "command:import_workflow"),
    )
    assert execute(arrived).status == "completed"


def test_json_and_a_pipe_do_as_well(workflow, bob, monkeypatch):
    text = export("refund", "--project", "alice", "--json")
    assert strict_json.loads(text)["versions"][1]["designed_at"] == "2026-11-01T09:30:00Z"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert json.loads(bring("-", "--project", "bob", "--json")) == {
        "project": "bob",
        "workflow": "refund",
        "added": ["1.0.0", "1.1.0"],
        "there": [],
        "baselines": 1,
        "published": None,
        "changed": True,
        "published_there": "1.0.0",
    }


def test_some_versions_can_be_exported_alone(workflow, bob):
    document = strict_yaml.loads(export("refund", "--project", "alice", "--versions", "1.1.0"))
    assert ([one["version"] for one in document["versions"]], document["published"]) == (["1.1.0"], None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("refund", "--project", "nobody"), "There is no project 'nobody'."),
        (("refnd", "--project", "alice"), "There is no workflow 'refnd' in alice; there are refund."),
        (("refund", "--project", "alice", "--versions", "1.0.0,9.9.9"), "The workflow refund has no version 9.9.9."),
        (("refund", "--project", "alice", "--output", "/nowhere/x"), "/nowhere/x cannot be written: No such file"),
    ],
)
def test_what_cannot_be_exported_is_said(workflow, arguments, said):
    with pytest.raises(CommandError) as raised:
        export(*arguments)
    assert said in str(raised.value)


def change_of_a_version(**more: object):
    return lambda document: {"versions": [{**document["versions"][0], **more}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: {"export": 2}, "/export: This must be at most 1."),
        (lambda _: {"name": "Refund!"}, "/name: A name has 1 to 100 lower-case letters"),
        (lambda _: {"keys": []}, "/keys: Unknown key."),
        (lambda _: {"versions": []}, "/versions:"),
        (lambda _: {"published": "9.9.9"}, "/published: The version 9.9.9 is not in this document."),
        (lambda said: {"versions": said["versions"] * 2}, "/versions/2/version: The version 1.0.0 stands twice."),
        (change_of_a_version(version="one"), "/versions/0/version: This must be a semantic version"),
        (change_of_a_version(definition={**REFUND, "title": "x"}), "The definition is not the one that was exported."),
        (
            change_of_a_version(definition={**REFUND, "steps": [TOOL]}, content_hash=None),
            "/versions/0/definition/steps/0/tool: Unknown tool 'support.deliver'",
        ),
        (
            change_of_a_version(definition={**REFUND, "guidance": f"Use sk-ant-{'a1B2' * 5}"}, content_hash=None),
            "/versions/0/definition/guidance: This holds what looks like a secret",
        ),
        (
            change_of_a_version(definition={**REFUND, "constants": {"n": list(range(20_001))}}, content_hash=None),
            "/versions/0/definition: More than 20000 values",
        ),
        (
            change_of_a_version(designed_at="0001-01-01T00:00:00Z"),
            "/versions/0/designed_at: A version was designed on or after 2000-01-01",
        ),
        (
            change_of_a_version(designed_at="9999-12-31T00:00:00Z"),
            "/versions/0/designed_at: A version was not designed in the future",
        ),
        (
            lambda _: {"baselines": [{"method": "repriced_warm", "model": "gemini:x", "from": "2026-11-01T00:00:00Z"}]},
            "/baselines/0/model: Write the model as PROVIDER:MODEL",
        ),
        (
            lambda _: {"baselines": [{"method": "declared", "from": "2026-11-01T00:00:00Z"}]},
            "/baselines/0/cost_per_execution: The method declared needs the cost of one execution",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(exported, bob, change, said):
    document = strict_yaml.loads(exported.read_text())
    edited(exported, **({"published": None} | change(document)))
    before = everything()
    with pytest.raises(CommandError) as raised:
        bring(exported, "--project", "bob")
    assert str(raised.value).startswith("Nothing was imported")
    assert said in str(raised.value)
    assert everything() == before


def test_all_that_is_wrong_is_said_at_once(exported, bob):
    document = strict_yaml.loads(exported.read_text())
    wrong = [{**one, "content_hash": None, "definition": {**REFUND, "steps": [TOOL]}} for one in document["versions"]]
    edited(exported, versions=wrong)
    with pytest.raises(CommandError) as raised:
        bring(exported, "--project", "bob")
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()[1:]] == [
        "  /versions/0/definition/steps/0/tool",
        "  /versions/0/definition/result/kind",
        "  /versions/1/definition/steps/0/tool",
        "  /versions/1/definition/result/kind",
    ]


def test_another_definition_under_the_same_number_is_refused(exported, bob):
    make_workflow({**REFUND, "title": "Bob's own"}, project=bob)
    before = everything()
    with pytest.raises(CommandError, match=r"has a version 1\.0\.0 of this workflow with another definition"):
        bring(exported, "--project", "bob")
    assert everything() == before


def test_an_archived_workflow_takes_nothing_in(workflow, exported, bob):
    bring(exported, "--project", "bob")
    Workflow.objects.filter(project=bob).update(archived_at=timezone.now())
    workflow.draft(Examined.of({**REFUND, "title": "Refunds"}, workflow.project), "2.0.0", created_by="alice")
    export("refund", "--project", "alice", "--output", str(exported))
    before = everything()
    for more in ((), ("--publish",)):
        with pytest.raises(CommandError, match=r"The workflow refund was archived on .*; take it back"):
            bring(exported, "--project", "bob", *more)
    assert everything() == before


def test_what_the_project_may_not_keep_is_taken_out(workflow, bob, tmp_path):
    bob.redacted_fields = ["requirements"]
    bob.save()
    file = tmp_path / "refund.yaml"
    file.write_text(export("refund", "--project", "alice"))
    bring(file, "--project", "bob")
    kept = Version.objects.get(workflow__project=bob, number="1.1.0").design_context
    assert kept["requirements"] == "[redacted:field]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The YAML document is empty."),
        ("- a", "Nothing was imported"),
        ("a: [", "at line"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ("a: &a [1]\nb: [" + ", ".join(["*a"] * 1_000_001) + "]", "More than 2000000 values"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(bob, tmp_path, text, said):
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=said):
        bring(file, "--project", "bob")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name the file that export_workflow wrote, or a folder by --skill."),
        (("/nowhere.yaml",), "/nowhere.yaml cannot be read: No such file or directory."),
        (("--skill", "x", "--publish"), "A skill comes in as a draft"),
    ],
)
def test_what_is_missing_is_said(bob, arguments, said):
    with pytest.raises(CommandError, match=said):
        bring(*arguments, "--project", "bob")
    with pytest.raises(CommandError, match="There is no project 'nobody'"):
        bring("x", "--project", "nobody")


def test_nothing_is_published_that_was_not_live(workflow, bob, tmp_path):
    file = tmp_path / "refund.yaml"
    file.write_text(export("refund", "--project", "alice", "--versions", "1.1.0"))
    with pytest.raises(CommandError, match="there is nothing to publish"):
        bring(file, "--project", "bob", "--publish")
    with pytest.raises(CommandError, match="'Money Back': A name has"):
        bring(file, "--project", "bob", "--name", "Money Back")
    assert not Publication.objects.filter(version__workflow__project=bob).exists()


def test_a_definition_as_deep_as_a_request_takes_it_comes_back(bob, tmp_path):
    deep: object = "x"
    for _ in range(29):
        deep = [deep]
    make_workflow({**REFUND, "constants": {"deep": deep}})
    for kind in ((), ("--json",)):
        file = tmp_path / "refund"
        file.write_text(export("refund", "--project", "alice", *kind))
        bring(file, "--project", "bob")
    assert Version.objects.get(workflow__project=bob).definition["constants"]["deep"] == deep
