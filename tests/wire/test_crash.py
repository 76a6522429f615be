"""The points at which a process can be made to crash: each stands in the code once, and a word that is none is refused."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter

import pytest
from django.conf import settings

from wire import crash

APPS = ("wire", "projects", "gateway", "workflows", "toolbox", "executions", "analytics", "notifications", "service")


def test_each_point_stands_in_the_code_once():
    files = [file for app in APPS for file in (settings.BASE / app).rglob("*.py")]
    # A call outside of executions passes the same point as theirs.
    texts = [file.read_text(encoding="utf-8") for file in files if file.name != "errands.py"]
    found = Counter(point for text in texts for point in re.findall(r'crash\.at\("([\w-]+)"\)', text))
    assert found == dict.fromkeys(crash.POINTS, 1)


def run(crash_at: str) -> subprocess.CompletedProcess:
    program = (
        "import django; django.setup(); from wire import crash; [crash.at('in-fold') or print(n) for n in (1, 2, 3)]"
    )
    variables = {**os.environ, "CRASH_AT": crash_at, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-u", "-c", program]
    return subprocess.run(command, cwd=settings.BASE, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("crash_at", "passed"), [("", "1\n2\n3\n"), ("in-sweeper", "1\n2\n3\n"), ("in-fold", ""), ("in-fold:3", "1\n2\n")]
)
def test_a_process_ends_at_its_point_the_nth_time(crash_at, passed):
    ended = run(crash_at)
    assert (ended.stdout, ended.returncode) == (passed, 0 if "3" in passed else -signal.SIGKILL), ended.stderr


@pytest.mark.parametrize("crash_at", ["nowhere", "in-fold:often"])
def test_a_point_that_is_none_is_refused(crash_at):
    assert "write one of after-accept" in run(crash_at).stderr
