"""What a first user types, as it stands in the documents and in its order: in a checkout of its own, with the real service."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from tests.snippets import ROOT, Snippet, snippets
from tests.terminal import MISSING, Checkout, checkout, wait_until
from tests.test_docs import API, CONFIGURATION, DEFINITION, blocks, section

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"there is no {' and no '.join(MISSING)} here"),
    pytest.mark.xdist_group("stories"),  # two of them share a checkout
]


def story(name: str) -> list[Snippet]:
    """What is typed, and what comes of it, in the order of the document."""
    told = [one for one in snippets(ROOT / name) if one.language in ("sh", "text") and one.said != "shown"]
    assert told
    return told


def tell(there: Checkout, told: list[Snippet]) -> list[str]:
    """Types all of it, holds what comes against what is shown to come, and gives what came."""
    came = []
    for one in told:
        if one.language == "sh":
            came.append(there.type(one.body))
        else:
            assert says(came[-1], one.body), f"{one.document}:{one.line} is not what came:\n{came[-1]}"
    return came


def says(came: str, shown: str) -> bool:
    """`…` alone in a line stands for any lines."""
    parts = re.split(r"^ *…\n", shown, flags=re.MULTILINE)
    return re.fullmatch("(?:.*\n)*?".join(re.escape(part) for part in parts), came) is not None


@pytest.mark.runs("docs/quickstart.md", "sh")
@pytest.mark.runs("docs/quickstart.md", "text")
def test_the_quickstart_works_as_it_is_pasted(tmp_path):
    told = story("docs/quickstart.md")
    with checkout(tmp_path) as there:
        came = tell(there, told)
    costs = json.loads(came[-1])
    assert (costs["executions"], costs["completed"], costs["simulated"]) == (4, 3, True)
    assert costs["savings"].startswith("-")


@pytest.mark.runs("README.md", "sh")
@pytest.mark.runs("README.md", "text")
def test_the_readme_works_as_it_is_pasted(tmp_path):
    demo, shown, run, make_a_key, look = [one.body for one in story("README.md")]
    with checkout(tmp_path) as there:
        printed = there.type(demo)
        assert_the_demo_says_what_it_should(printed)
        assert says("\n".join(line.rstrip() for line in printed.splitlines()) + "\n", shown), printed
        there.type(run)
        accepted = json.loads(there.type(make_a_key))
        assert accepted["status"] == "queued"
        seen = []

        def ended() -> bool:
            seen[:] = there.type(look).replace("}{", "}\n{").splitlines()
            return json.loads(seen[0])["results"][0]["status"] == "completed"

        wait_until(ended)
    latest, costs = map(json.loads, seen)
    assert latest["results"][0]["id"] == accepted["id"]
    assert costs["executions"] == 100  # 92 messages, the one that is executed again, 6 a week later, and this one


def assert_the_demo_says_what_it_should(printed: str) -> None:
    """In a pipe: tables in 80 columns, and no progress."""
    lines = [line.rstrip() for line in printed.splitlines()]
    assert not [line for line in lines if "executing" in line or "\x1b" in line]
    assert max(len(line) for line in lines) <= 80
    addresses = [re.sub(r":\d+/", ":8000/", line) for line in lines if "http" in line]
    assert addresses == [
        "  admin    http://127.0.0.1:8000/admin/ (make run prints its password, once)",
        "  savings  http://127.0.0.1:8000/reports/demo/workflows/support-ticket/",
        "  API      http://127.0.0.1:8000/api/v1/workflows/support-ticket/costs",
    ]
    assert "│ completed                     │ 74         │" in lines
    assert "support-ticket 1.0.1 is live, on evidence: passed." in lines


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A checkout in which the workflow of definition.md, its script and the tool of configuration.md lie."""
    with checkout(tmp_path_factory.mktemp("shop")) as there:
        try_it = section(DEFINITION, "Try it")
        (script,) = blocks(try_it, "toml")
        (body,) = blocks(section(DEFINITION, "A complete workflow"), "json")
        (tool,) = blocks(section(CONFIGURATION, "A Python function as a tool"), "python")
        files = {"returns.toml": script, "parcel-return.json": body, "shop_tools.py": tool}
        files["refund.yaml"] = body.replace("parcel-return", "parcel-return-again")  # JSON is YAML too
        for name, text in files.items():
            (there.folder / name).write_text(text, encoding="utf-8")
        yield there


@pytest.mark.runs("docs/definition.md", "sh", "Try it")
@pytest.mark.runs("docs/api.md", "sh", "Keys and scopes")
@pytest.mark.runs("docs/api.md", "sh", "Store a workflow")
@pytest.mark.runs("docs/configuration.md", "sh", "Where files lie")
def test_what_the_documents_type_at_a_service_is_answered(shop):
    start, try_it = blocks(section(DEFINITION, "Try it"), "sh")
    shop.type(start)
    stored, accepted, listed = map(json.loads, shop.type(try_it).replace("}{", "}\n{").splitlines())
    assert (stored["name"], accepted["status"], listed["results"][0]["id"]) == (
        "parcel-return",
        "queued",
        accepted["id"],
    )

    (keys,) = blocks(section(API, "Keys and scopes"), "sh")
    assert [one["name"] for one in json.loads(shop.type(keys))["results"]] == ["parcel-return"]
    (as_yaml,) = blocks(section(API, "Store a workflow"), "sh")
    assert json.loads(shop.type(as_yaml))["content_hash"] == stored["content_hash"]

    start_anew, back_up = blocks(section(CONFIGURATION, "Where files lie"), "sh")
    shop.type(back_up)  # while it runs
    with closing(sqlite3.connect(shop.folder / "backup.sqlite3")) as copy:
        assert copy.execute("SELECT name FROM workflows_workflow ORDER BY name").fetchall() == [
            ("parcel-return",),
            ("parcel-return-again",),
        ]
    shop.stop_what_stays()
    shop.type(start_anew)
    assert not (shop.folder / "var").exists()


@pytest.mark.runs("docs/configuration.md", "sh", "A Python function as a tool")
@pytest.mark.runs("docs/configuration.md", "sh", "People and roles")
def test_a_project_gets_its_tools_and_people_by_the_commands_that_are_shown(shop):
    start, register = blocks(section(CONFIGURATION, "A Python function as a tool"), "sh")
    shop.type(start)
    shop.type("KEY=$(.venv/bin/python manage.py create_api_key --project shop)")
    assert shop.type(register)
    (person,) = blocks(section(CONFIGURATION, "People and roles"), "sh")
    assert re.fullmatch(r"\S{12,}\n", shop.type(person)), "a password, alone"
    assert "with the password as before" in shop.type(person)
    shop.stop_what_stays()
