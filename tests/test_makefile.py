"""`make` on a machine that lacks something: one sentence, and nothing half made."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")

# Debian's Python without python3-venv makes the folder and its links, and fails then.
WITHOUT_VENV = """#!/bin/sh
[ "$1" = -c ] && exit 0
mkdir -p .venv/bin && touch .venv/bin/python
echo "Error: Command '[...]' returned non-zero exit status 1." >&2
exit 1
"""
TOO_OLD = """#!/bin/sh
echo "Python 3.11 or newer is needed" >&2
exit 1
"""


def make(folder: Path, python: str) -> subprocess.CompletedProcess:
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "python").write_text(python)
    (folder / "python").chmod(0o755)
    words = ["make", ".venv/bin/python", "PYTHON=./python"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("time", ["first", "second"])
def test_where_venv_is_missing_the_package_is_named_and_nothing_is_left(tmp_path, time):
    if time == "second":
        make(tmp_path, WITHOUT_VENV)
    done = make(tmp_path, WITHOUT_VENV)
    assert done.returncode != 0
    assert "install the package python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_is_refused_before_anything_is_made(tmp_path):
    done = make(tmp_path, TOO_OLD)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tmp_path / ".venv").exists()
