"""A checkout of its own, and terminals in it in which the commands of the documents are typed: with the real service, on the
loopback, and as a first user has them, on the embedded default."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import free_port

ROOT = Path(__file__).parent.parent
NEEDED = ("bash", "curl", "make")
MISSING = [program for program in NEEDED if shutil.which(program) is None]
NOT_COPIED = (".venv", ".git", "var", "tests", "benchmarks", "__pycache__")
KEPT_OF_THE_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR")
MARK = "=-= that was it, with "
STAYS = re.compile(r"^(\w+=\S+ )*make (run|web|worker)$", re.MULTILINE)
PATIENCE = 300  # seconds: longer than a busy machine takes, for what never ends


class Terminal:
    """A shell. What is typed into it sees the variables of what was typed before."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def type(self, commands: str) -> str:
        """What they print. Each of them has to succeed."""
        guarded = f"set -e -o pipefail\n{commands}\nset +e\necho '{MARK}'$?\n"
        self._shell.stdin.write(guarded)
        self._shell.stdin.flush()
        return self._hear(commands, MARK)

    def type_what_stays(self, commands: str, sentence: str) -> None:
        """Commands that do not come back: they go on behind the sentence."""
        self._shell.stdin.write(commands + "\n")
        self._shell.stdin.flush()
        self._hear(commands, sentence)

    def end(self) -> None:
        """As if its window were closed."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._shell.pid, how)
            with suppress(subprocess.TimeoutExpired):
                self._shell.wait(5)
        self._shell.stdin.close()
        self._shell.stdout.close()

    def _hear(self, commands: str, sentence: str) -> str:
        too_long = threading.Timer(PATIENCE, os.killpg, (self._shell.pid, signal.SIGKILL))
        too_long.start()
        heard = []
        try:
            for line in self._shell.stdout:
                if sentence in line:
                    return "".join(heard) + line.partition(MARK)[0]
                heard.append(line)
        finally:
            too_long.cancel()
        raise AssertionError(f"{commands}\n\nended with\n\n{''.join(heard)}")


class Checkout:
    """A folder with what a user has after `git clone` and the first `make`: the source and `.venv`, and nothing in `var`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._port = folder / "checkout", str(free_port())
        shutil.copytree(ROOT, self.folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
        self._install()
        kept = {name: os.environ[name] for name in KEPT_OF_THE_ENVIRONMENT if name in os.environ}
        self._environment = {**kept, "PORT": self._port, "PYTHONDONTWRITEBYTECODE": "1"}
        self._terminals: list[Terminal] = []
        self._usual = self._terminal()

    def _install(self) -> None:
        """As `make` did it for the tests: the same libraries, and nothing to install."""
        (self.folder / ".venv").mkdir()
        for name in ("bin", "lib", "lib64", "pyvenv.cfg"):
            if (there := Path(sys.prefix) / name).exists():
                (self.folder / ".venv" / name).symlink_to(there)
        (self.folder / ".venv" / ".ready").touch()

    def _terminal(self) -> Terminal:
        self._terminals.append(Terminal(self.folder, self._environment))
        return self._terminals[-1]

    def stop_what_stays(self) -> None:
        for terminal in self._terminals[1:]:
            terminal.end()
        del self._terminals[1:]

    def type(self, commands: str) -> str:
        """In the usual terminal; what stays there is typed in one of its own, and is there when this comes back."""
        commands = commands.replace(":8000", f":{self._port}")
        if STAYS.search(commands):
            self._terminal().type_what_stays(commands, "Workflow Memory is at")
            return ""
        return self._usual.type(commands)

    def end(self) -> None:
        for terminal in self._terminals:
            terminal.end()


@contextmanager
def checkout(folder: Path) -> Iterator[Checkout]:
    one = Checkout(folder)
    try:
        yield one
    finally:
        one.end()


def wait_until(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
