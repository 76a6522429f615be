"""Imports point up the house only: a lower layer that needs an upper fact is given a plain value."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_no_layer_imports_one_above_it():
    """In a process of its own: the linter disables every logger of the one it runs in."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
