"""Processes of the product, started at a fifth of the cost: the libraries are imported once, and each process is forked
from there before it has read a setting. It runs the same program with the same environment."""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

LIBRARIES = (
    *("django.core.management", "django.db.models", "django.db.backends.postgresql.base", "django.test", "psycopg"),
    *("celery.worker", "celery.bin.worker", "kombu.transport.redis", "redis", "waitress", "jinja2", "jsonschema_rs"),
    *("pydantic", "genai_prices", "genai_prices.data", "anthropic", "aiohttp", "pydantic_monty", "time_machine"),
)

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(list(LIBRARIES))


class Forked:
    """What `subprocess.Popen` would be, as far as it is needed here."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
        self._process = _context.Process(target=_run, args=(words, environment, folder, log), daemon=True)
        self._process.start()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def _run(words: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
    """`python WORDS`, in the folder, with this environment and nothing else."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with log.open("wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.path.insert(0, str(folder))
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
