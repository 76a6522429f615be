"""What operations.md says is true: its units start, its alerts speak of metrics that are told, its backup is one."""

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from executions import worker
from tests.cast import envelope, execute, make_project, make_workflow, models_answer
from tests.figures import fill
from tests.servers import programs
from tests.test_docs import CONFIGURATION, DOCS, blocks, named, rows, section, words

pytestmark = pytest.mark.django_db

OPERATIONS = DOCS / "operations.md"


@pytest.mark.runs("docs/operations.md", "ini")
def test_the_units_start_what_there_is_with_variables_that_are_read():
    environment, *units = blocks(OPERATIONS.read_text(encoding="utf-8"), "ini")
    variables = {line.partition("=")[0] for line in environment.splitlines() if not line.startswith("#")}
    assert variables < {word for row in rows(section(CONFIGURATION, "Variables"), "variable") for word in words(row[0])}
    commands = []
    for unit in units:
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.read_string(unit)
        commands.append(parsed["Service"]["ExecStart"].partition(" manage.py ")[2])
        assert int(parsed["Service"]["TimeoutStopSec"]) > settings.STOP_WITHIN
    assert commands == ["serve --no-worker", "run_worker"]


@pytest.mark.runs("docs/operations.md", "yaml", "Metrics")
def test_the_table_of_metrics_names_what_is_told_and_the_alerts_nothing_else(client):
    text = section(OPERATIONS, "Metrics")
    make_workflow(project=make_project("alice"))
    worker.current()
    told = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").content.decode(), re.MULTILINE))
    assert named(text, "metric") == told
    (alerts,) = blocks(text, "yaml")
    assert set(re.findall(r"workflow_memory_\w+", alerts)) < told


FIGURES = ".venv/bin/python -m tests.figures"
RECONCILE = ".venv/bin/python manage.py reconcile --json"


@pytest.mark.runs("docs/operations.md", "sh", "Backup")
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="these are PostgreSQL's own programs")
@pytest.mark.django_db(transaction=True)
def test_the_backup_of_the_operations_is_restored_as_it_was(tmp_path):
    models_answer({"text": envelope({"kind": "refund"})})
    execute(make_workflow(project=make_project("shop")))
    fill()
    given = connection.settings_dict
    server = f"postgres://{given['USER']}@{given['HOST']}:{given['PORT']}"
    environment = {
        **os.environ,
        "PATH": f"{programs(tmp_path)}:{os.environ['PATH']}",
        "DATABASE_URL": f"{server}/{given['NAME']}",
        "RESTORED": f"{server}/workflow_memory_check",
        "BROKER_URL": "",
    }

    def run(line: str, of: str = "DATABASE_URL") -> str:
        line = line.replace("workflow-memory.dump", str(tmp_path / "dump"))
        return typed(line, {**environment, "DATABASE_URL": environment[of]})

    rows = "SELECT count(*), sum(cost), md5(string_agg(id::text, '')) FROM gateway_call"
    count = f"""psql --tuples-only "$DATABASE_URL" --command="{rows}" """
    try:
        for block in blocks(section(OPERATIONS, "Backup"), "sh"):
            for line in block.splitlines():
                run(line)
        for asked in (count, FIGURES, RECONCILE):
            assert run(asked, "RESTORED") == run(asked)
        assert json.loads(run(RECONCILE, "RESTORED")) == {"projects": 2, "differences": []}
        assert len(json.loads(run(FIGURES))) == 9  # two projects, and a workflow of each, and what a provider says
        change = """psql "$RESTORED" --command="UPDATE gateway_call SET cost = 0" """
        refused = subprocess.run(change, shell=True, env=environment, capture_output=True, text=True, check=False)
        assert "gateway_call is append-only" in refused.stderr
    finally:
        run("""psql "$DATABASE_URL" --command="DROP DATABASE IF EXISTS workflow_memory_check" """)


def test_a_copy_of_the_embedded_database_has_the_same_figures(tmp_path):
    """By the command that configuration.md shows, into a file that the service is then pointed at."""
    (tmp_path / "var").mkdir()
    original, copy = (tmp_path / name for name in ("var/workflow_memory.sqlite3", "backup.sqlite3"))
    of, restored = ({**os.environ, "DATABASE_URL": f"sqlite:///{one}", "BROKER_URL": ""} for one in (original, copy))
    typed(".venv/bin/python manage.py migrate", of)
    before = typed(f"{FIGURES} fill", of)
    _, back_up = blocks(section(CONFIGURATION, "Where files lie"), "sh")
    typed(back_up, of, tmp_path)
    assert len(json.loads(before)) == 5
    assert typed(FIGURES, restored) == before
    assert typed(RECONCILE, restored) == typed(RECONCILE, of)
    assert json.loads(typed(RECONCILE, restored)) == {"projects": 1, "differences": []}


def typed(line: str, environment: dict[str, str], where: Path = settings.BASE) -> str:
    """What this line of a shell says."""
    line = line.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(line, shell=True, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.runs("docs/operations.md", "sh", "Deleting texts")
def test_texts_are_deleted_by_the_commands_that_are_shown(capsys):
    make_project("shop")
    (block,) = blocks(section(OPERATIONS, "Deleting texts"), "sh")
    for line in block.splitlines():
        call_command(*shlex.split(line.partition("manage.py ")[2]))
    assert capsys.readouterr().err == ""
