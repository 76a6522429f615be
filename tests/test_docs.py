"""The documents for users say what is true: their requests are sent, in order, and answered as they show; their
workflow, their tool and their commands work; their tables name what the code has."""

import importlib.util
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.test import Client
from django.utils import timezone

from config import urls
from designs.grouping import gather
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag, Status
from executions.resolution import DECISIONS
from gateway.providers.registry import register
from gateway.providers.scripted import ScriptedProvider
from projects import tools
from projects.models import ApiKey, Project, Scope, Tool
from tests.cast import make_project, make_workflow
from tests.snippets import documents, snippets
from wire import crash, redaction, strict_yaml
from wire.times import rfc3339
from workflows import definition, parsing
from workflows.models import signatures
from workflows.template_syntax import FILTERS, TESTS

pytestmark = pytest.mark.django_db

DOCS = settings.BASE / "docs"
API, DEFINITION, CONFIGURATION = DOCS / "api.md", DOCS / "definition.md", DOCS / "configuration.md"
SECURITY = DOCS / "security.md"
LEFT_OUT = "…"

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What differs each time: shown as an example, and compared by its form.
FORMS = (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", r"key:[0-9a-f]{8}", r"[0-9a-f]{64}")
MEASURED = {"latency_ms", "p50", "p95"}


def section(document: Path, heading: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    level, found = None, []
    for line in document.read_text(encoding="utf-8").splitlines():
        title = re.fullmatch(r"(#+) (.*)", line)
        if title and level is None and title[2] == heading:
            level = len(title[1])
        elif title and level is not None and len(title[1]) <= level:
            break
        elif level is not None:
            found.append(line)
    assert found, f"{document.name} has no section {heading!r}"
    return "\n".join(found)


def blocks(text: str, language: str) -> list[str]:
    """Those in a language, whatever is said behind it."""
    fenced = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [body for its_language, body in fenced if its_language == language]


def rows(text: str, first_column: str) -> list[list[str]]:
    """The cells of the table whose first column has this head."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return found
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def named(text: str, first_column: str) -> set[str]:
    """Every word in code type in the first column of a table."""
    return {word for row in rows(text, first_column) for word in words(row[0])}


def a_client(project: Project) -> Client:
    _, token = ApiKey.objects.issue(project, ["read", "execute", "design", "review", "admin"])
    return Client(headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1:8000"})


def advance_everything() -> None:
    for execution_id in Execution.objects.filter(status="queued").values_list("pk", flat=True):
        plain.advance(execution_id, worker.current())


@pytest.fixture
def shop(tmp_path) -> Client:
    """A key of the project `shop`, whose models answer from the script that definition.md shows."""
    script = tmp_path / "returns.toml"
    script.write_text(blocks(section(DEFINITION, "Try it"), "toml")[0], encoding="utf-8")
    register("scripted", ScriptedProvider([script]))
    return a_client(make_project("shop"))


class Answers:
    """Compares what a document shows with what came. Ids differ from run to run, and stay the same in one: the first
    time an id is shown it gets its meaning."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def put_in(self, text: str) -> str:
        return re.sub(UUID, lambda found: self.ids.get(found[0], found[0]), text)

    def compare(self, shown: object, came: object, where: str) -> None:
        if shown == LEFT_OUT:
            return
        if isinstance(shown, dict) and isinstance(came, dict):
            self._compare_objects(shown, came, where)
        elif isinstance(shown, list) and isinstance(came, list):
            more = shown[-1:] == [LEFT_OUT]
            assert len(shown) - 1 < len(came) if more else len(shown) == len(came), where
            for index, (one, other) in enumerate(zip(shown, came, strict=False)):
                self.compare(one, other, f"{where}/{index}")
        elif isinstance(shown, str) and isinstance(came, str):
            self._compare_texts(shown, came, where)
        else:
            measured = where.rpartition("/")[2] in MEASURED and isinstance(shown, int) and isinstance(came, int)
            assert measured or (type(shown) is type(came) and shown == came), f"{where}: {came!r}"

    def _compare_objects(self, shown: dict, came: dict, where: str) -> None:
        if LEFT_OUT in shown:
            shown = {key: value for key, value in shown.items() if key != LEFT_OUT}
            assert shown.keys() < came.keys(), where
        else:
            assert shown.keys() == came.keys(), where
        for key, value in shown.items():
            self.compare(value, came[key], f"{where}/{key}")

    def _compare_texts(self, shown: str, came: str, where: str) -> None:
        if re.fullmatch(UUID, shown) and re.fullmatch(UUID, came):
            self.ids.setdefault(shown, came)
        if not any(re.fullmatch(form, shown) and re.fullmatch(form, came) for form in FORMS):
            assert came == self.put_in(shown), where


def exchanges(document: Path) -> Iterator[tuple[str, str, str, int, str, object]]:
    """(method, path, body, status, content type, answer) of each request in it, in its order."""
    messages = blocks(document.read_text(encoding="utf-8"), "http")
    for request, answer in zip(messages[::2], messages[1::2], strict=True):
        first, _, body = request.partition("\n\n")
        head, _, shown = answer.partition("\n\n")
        method, path = first.split()
        status, *headers = head.splitlines()
        kind = next((line.split(": ")[1] for line in headers if line.startswith("Content-Type")), "application/json")
        yield method, path, body, int(status.split()[1]), kind, json.loads(shown)


@pytest.mark.runs("*", "http")
@pytest.mark.parametrize(
    "document", [one for one in documents() if "```http" in one.read_text()], ids=lambda one: one.name
)
def test_the_story_of_a_document_is_answered_as_it_is_shown(shop, document):
    answers = Answers()
    for method, path, body, status, kind, shown in exchanges(document):
        where = f"{method} {path}"
        said = answers.put_in(body).replace("2026-11-23T09:30:00Z", rfc3339(timezone.now()))
        came = shop.generic(method, answers.put_in(path), data=said, content_type="application/json")
        text = came.getvalue().decode()
        assert (came.status_code, came["Content-Type"]) == (status, kind), (where, text)
        answers.compare(shown, json.loads(text), where)
        advance_everything()
        gather()


def test_the_table_of_calls_names_every_address_its_methods_and_their_scopes():
    documented = set()
    for call, scope, _ in rows(API.read_text(encoding="utf-8"), "call"):
        method, path = words(call)[0].split()
        documented.add((method, re.sub(r"{\w+}", "{}", path), scope))
    existing = {
        (method, re.sub(r"<\w+:\w+>", "{}", str(one.pattern)), " or ".join(one.callback.view_class.enough(method)))
        for one in urls.api
        for method in one.callback.view_class.scopes
    }
    assert documented == existing


def test_the_tables_of_the_api_name_what_there_is(shop):
    text = API.read_text(encoding="utf-8")
    assert named(section(API, "Statuses"), "status") == set(Status.values)
    assert named(text, "reason") == set(Flag.Reason.values)
    assert named(text, "resolution") - {"output", "step_output"} == set(DECISIONS)
    keys = section(API, "Keys and scopes")
    assert all(f"`{scope}`" in keys for scope in Scope.values)


def test_what_is_not_built_yet_answers_404(shop):
    absent = [call for call in named(section(API, "Not yet"), "not built") if re.match("[A-Z]+ ", call)]
    make_workflow(project=Project.objects.get(name="shop"))
    execution = shop.post("/api/v1/workflows/refund/executions", {"input": {"message": "x"}}, "application/json").json()
    for call in absent:
        method, path = call.split()
        path = path.replace("{name}", "refund").replace("{id}", execution["id"])
        assert shop.generic(method, f"/api/v1/{path}").status_code == 404, call
    assert absent


def test_the_table_of_costs_names_every_field_of_the_summary(shop):
    came = shop.get("/api/v1/costs").json()
    fields = {key for key, value in came.items() if not isinstance(value, dict)}
    fields |= {f"{key}.{inner}" for key, value in came.items() if isinstance(value, dict) for inner in value}
    summary = section(API, "Costs").partition("| field |")[2]
    assert named("| field |" + summary, "field") == fields


@pytest.mark.runs("docs/definition.md", "json", "A complete workflow")
def test_the_workflow_of_the_definition_has_no_fault_and_no_warning(shop):
    (body,) = map(json.loads, blocks(section(DEFINITION, "A complete workflow"), "json"))
    parsed = parsing.parse(body["definition"], {})
    assert parsing.warnings(parsed) == []
    came = shop.post("/api/v1/workflows", body, content_type="application/json")
    assert came.status_code == 201, came.content.decode()
    assert came.json()["published"]["version"] == "1.0.0"


def test_the_workflow_of_the_definition_ends_as_its_table_says(shop):
    text = section(DEFINITION, "A complete workflow")
    shop.post("/api/v1/workflows", json.loads(blocks(text, "json")[0]), content_type="application/json")
    table = rows(text, "message")
    assert len(table) == 7
    for message, paid, status, resolved_by, output, flag in table:
        body = {"input": {"message": message, "paid": paid}}
        accepted = shop.post("/api/v1/workflows/parcel-return/executions", body, content_type="application/json")
        advance_everything()
        found = shop.get(f"/api/v1/executions/{accepted.json()['id']}").json()
        assert (found["status"], found["resolved_by"] or "") == (status, resolved_by), message
        assert found["output"] == (json.loads(words(output)[0]) if output else None), message
        assert [one["reason"] for one in found["flags"]] == ([flag] if flag else []), message
        free = not message or paid == "899.00"
        assert (found["tokens"]["input"] == 0) is free, message


@pytest.mark.runs("*", "json definition")
@pytest.mark.runs("*", "yaml definition")
@pytest.mark.parametrize("document", documents(), ids=lambda one: one.name)
def test_every_definition_that_is_shown_whole_is_taken(shop, document):
    for one in snippets(document):
        if one.said == "definition":
            read = json.loads(one.body) if one.language == "json" else strict_yaml.loads(one.body)
            body = {"definition": read.get("definition", read), "name": f"shown-{one.line}"}
            came = shop.post("/api/v1/workflows", body, content_type="application/json")
            assert came.status_code == 201, f"{one.document}:{one.line}: {came.content.decode()}"


# What the steps that are shown alone read of steps above them.
ABOVE = {
    "Reviews": [{"id": "due", "kind": "code", "code": "def run(input, steps):\n    return {'amount': '250.00'}"}],
    "Judges": [{"id": "draft", "kind": "model", "tier": "cheap", "prompt": "{{ input }}"}],
    "Lists": [],
    "Workflows in workflows": [],
}


@pytest.mark.runs("docs/definition.md", "yaml", "Reviews")
@pytest.mark.runs("docs/definition.md", "yaml", "Judges")
@pytest.mark.runs("docs/definition.md", "yaml", "Lists")
@pytest.mark.runs("docs/definition.md", "yaml", "Workflows in workflows")
@pytest.mark.parametrize("heading", ABOVE)
def test_a_step_that_is_shown_alone_can_stand_in_a_workflow(shop, heading):
    whole = json.loads(blocks(section(DEFINITION, "A complete workflow"), "json")[0])
    assert shop.post("/api/v1/workflows", whole, content_type="application/json").status_code == 201
    head = {"title": heading, "purpose": "Show a step.", "input_schema": {"type": "object"}}
    (steps,) = map(strict_yaml.loads, blocks(section(DEFINITION, heading), "yaml"))
    body = {"name": "shown", "definition": {**head, "steps": [*ABOVE[heading], *steps]}}
    came = shop.post("/api/v1/workflows", body, content_type="application/json")
    assert came.status_code == 201, came.content.decode()


def test_the_tables_of_the_definition_name_what_the_format_has():
    text = DEFINITION.read_text(encoding="utf-8")
    kinds = get_args(definition.AnyStep)
    assert named(section(DEFINITION, "Top level"), "key") == set(definition.Definition.model_fields)
    assert named(section(DEFINITION, "Edge cases"), "key") == set(definition.EdgeCase.model_fields)
    assert named(section(DEFINITION, "Steps"), "field") == {field for kind in kinds for field in kind.model_fields}
    tiers = {word: words(tier)[0] for tasks, tier in rows(text, "a step's `task`") for word in words(tasks)}
    assert tiers == definition.TASK_TIERS
    prompts = {row[0]: words(row[1]) for row in rows(section(DEFINITION, "Prompts"), "in a prompt")}
    assert (prompts["filters"], prompts["tests"]) == (list(FILTERS), list(TESTS))
    later = {key for part in (*kinds, definition.Lanes, definition.Definition) for key in part.later}
    assert all(f"`{key}`" in section(DEFINITION, "Not yet") for key in later)


def test_the_variables_are_those_that_the_code_reads():
    readers = (
        "text",
        "listed",
        "whole",
        "flag",
        "usd",
        "log_level",
        "log_form",
        "files",
        "new_file",
        "secret_key",
        "tls",
        "public_url",
        "networks",
        "mail",
    )
    read = set()
    for folder in ("config", "projects", "gateway", "toolbox", "executions", "notifications", "service", "demo"):
        for file in (settings.BASE / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            read |= set(re.findall(rf"\b(?:{'|'.join(readers)})\(\"([A-Z_]+)\"", text))
            read |= set(re.findall(r"^    own_key_variable = \"([A-Z_]+)\"", text, re.MULTILINE))
            by_itself = file.name in ("environment.py", "sdk.py", "variables.py")
            assert by_itself or not re.search(r"environ\b(?!ment|\.setdefault)[\[.]", text), (
                f"{file} reads past the readers"
            )
    read |= {f"MODEL_{tier}" for tier in ("CHEAP", "STANDARD", "FRONTIER")}
    read |= {"ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"}  # by the providers' own libraries
    table = rows(section(CONFIGURATION, "Variables"), "variable")
    assert {word for row in table for word in words(row[0])} == read


def test_the_table_of_crash_points_names_those_that_there_are():
    assert named(section(DOCS / "reliability.md", "Crash points"), "point") == set(crash.POINTS)


def test_the_table_of_patterns_names_those_that_there_are():
    assert named(section(SECURITY, "What is looked for"), "pattern") == {*redaction.NAMES, "field", "environment"}
    looked_for = {words(name)[0]: when for name, _, when in rows(section(SECURITY, "What is looked for"), "pattern")}
    assert {name for name in redaction.NAMES if looked_for[name] == "usually"} == redaction.USUAL_NAMES


def test_every_test_that_is_named_is_there():
    named_there = set(re.findall(r"`(tests/[\w/]+\.py)`", SECURITY.read_text(encoding="utf-8")))
    assert len(named_there) > 8
    assert [name for name in named_there if not (settings.BASE / name).exists()] == []


@pytest.mark.runs("docs/configuration.md", "python", "A Python function as a tool")
@pytest.mark.runs("docs/configuration.md", "json", "A Python function as a tool")
def test_the_tool_of_the_configuration_works(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "_registry", tools.registered())
    file = tmp_path / "shop_tools.py"
    text = section(CONFIGURATION, "A Python function as a tool")
    (source,) = blocks(text, "python")
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("shop_tools", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    project = make_project("shop")
    for name in ("shop.order", "shop.refund"):
        Tool.objects.create(project=project, name=name)
    number = {"type": "object", "required": ["number"], "properties": {"number": {"type": "string"}}}
    head = {"title": "Refund", "purpose": "Pay an order back.", "input_schema": number}
    (steps,) = map(json.loads, blocks(text, "json"))
    document = {**head, "steps": steps}
    assert parsing.parse(document, signatures(project)).step_tiers == set()

    client, kind = a_client(project), "application/json"
    body = {"name": "refund", "definition": document, "publish": True}
    assert client.post("/api/v1/workflows", body, content_type=kind).status_code == 201
    for number, output in (("A100", {"number": "A100", "amount": "40.00"}), ("B200", None)):
        body = {"input": {"number": number}}
        accepted = client.post("/api/v1/workflows/refund/executions", body, content_type=kind).json()
        advance_everything()
        found = client.get(f"/api/v1/executions/{accepted['id']}").json()
        assert (found["status"], found["output"]) == ("completed", output)
    assert list(module.refunds.values()) == [{"number": "A100", "amount": "40.00"}]


def shell_lines() -> Iterator[tuple[str, str]]:
    for document in documents():
        for block in blocks(document.read_text(encoding="utf-8"), "sh"):
            yield from ((document.name, line) for line in block.splitlines())


def test_every_command_that_is_shown_exists_and_takes_these_arguments():
    shown = set()
    for document, line in shell_lines():
        if found := re.search(r"manage\.py ([^)]*)", line):
            name, *arguments = shlex.split(found[1])
            assert name in get_commands(), (document, name)
            command = load_command_class(get_commands()[name], name)
            try:
                command.create_parser("manage.py", name).parse_args(arguments)
            except SystemExit:
                pytest.fail(f"{document}: {line}")
            shown.add(name)
    own = {name for name, app in get_commands().items() if app in ("projects", "service", "demo")}
    listed = named(section(CONFIGURATION, "Commands").partition("`manage.py`")[2], "command")
    assert shown >= {"create_api_key", "revoke_api_key", "register_tool", "migrate"}
    assert listed >= own | shown


# Of the shell itself, of `make`, and of the client.
OTHERS = {
    "KEY",
    "JSON",
    "API",
    "KIND",
    "FLAG",
    "REDESIGN",
    "RESTORED",
    "LIVE",
    "BUDGET",
    "SEED",
    "FUZZ_SECONDS",
    "PYTHON",
}
OTHERS |= {"WORKFLOW_MEMORY_URL", "WORKFLOW_MEMORY_API_KEY", "SQL_SHOP_URL", "TOOL_SHOP_TOKEN"}


def test_every_variable_that_is_shown_is_read():
    known = {word for row in rows(section(CONFIGURATION, "Variables"), "variable") for word in words(row[0])} | OTHERS
    shown = {
        (document, name)
        for document, line in shell_lines()
        for name in re.findall(r"(?:^|export | )([A-Z_]+)=", line.partition(" -d ")[0])
    }
    assert [(document, name) for document, name in shown if name not in known] == []
    assert len(shown) > 10


def test_every_measurement_that_is_shown_can_be_asked_for(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    from benchmarks import run

    asked = [shlex.split(line) for _, line in shell_lines() if "benchmarks/run.py" in line]
    assert len(asked) > 5
    for line in asked:
        monkeypatch.setattr(sys, "argv", line[1:])
        run._arguments()


def test_every_make_target_that_is_shown_exists():
    targets = set(re.findall(r"^([a-z]+):", (settings.BASE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {found[1] for _, line in shell_lines() if (found := re.match(r"(?:[A-Z_]+=\S+ )*make ([a-z]+)", line))}
    listed = {word.split()[1] for word in named(section(CONFIGURATION, "Commands"), "command") if " " in word}
    assert {"demo", "test", "run"} <= shown | listed <= targets


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_relative_link_leads_somewhere():
    for document in documents():
        text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            path, _, anchor = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            assert target.exists(), f"{document.name}: {link}"
            assert not anchor or anchor in anchors(target), f"{document.name}: {link}"


@pytest.mark.runs("*", "toml")
def test_every_script_that_is_shown_is_one(tmp_path):
    script = tmp_path / "script.toml"
    for document in documents():
        for block in blocks(document.read_text(encoding="utf-8"), "toml"):
            for name in re.findall(r"\$file:([\w.-]+)", block):
                (tmp_path / name).touch()
            script.write_text(block, encoding="utf-8")
            assert tomllib.loads(block)["answer"]
            ScriptedProvider([script])
