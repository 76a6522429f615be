"""The environment of each peer: made from the package index at its first use, with the versions that the peer's file names
in its first lines (PEP 723), in `var/bench/`. The product itself runs in the environment of this process."""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "bench"
PEERS = ROOT / "benchmarks" / "peers"
OURS, OUR_API = "ours", "ours_api"
# In the order in which they are measured and printed.
NAMES = (OURS, OUR_API, "floor", "django_celery", "celery_chain", "procrastinate", "langgraph", "dbos")
OURSELVES = {OURS: "**this product**", OUR_API: "**this product**, by its API"}
SCRIPT = re.compile(r"^# /// script\n(.*?)^# ///$", re.DOTALL | re.MULTILINE)
INSTALLATION = 600  # seconds
UNSAID = {"anthropic", "packaging", "psycopg", "redis"}  # the same for all of them


class NotInstalled(Exception):
    """A peer has no environment; the message says why."""


@dataclass(frozen=True)
class Environment:
    """The Python that runs a peer, and the packages it was measured with."""

    name: str
    python: Path
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """Its name with the versions of what is its own: `dbos 3.4.0`."""
        if self.name in OURSELVES:
            return OURSELVES[self.name]
        own = [one.replace("==", " ") for one in self.packages if re.split(r"[=\[]", one)[0] not in UNSAID]
        return f"{self.name} ({', '.join(own)})" if own else self.name


def environment(name: str) -> Environment:
    """Of an installed peer. Raises `NotInstalled`."""
    if name in OURSELVES:
        return Environment(name, Path(sys.executable))
    packages = requirements(name)
    if _installed(name) != packages:
        raise NotInstalled(f"{name} is not installed: `make bench-peers`")
    return Environment(name, _python(name), packages)


def install(name: str) -> Environment:
    """Makes the environment unless it is there. Raises `NotInstalled` with the last line that pip said."""
    packages = requirements(name)
    if _installed(name) != packages:
        folder = CACHE / name
        _run([sys.executable, "-m", "venv", "--clear", folder], name)
        _run([_python(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], name)
        _stamp(name).write_text("\n".join(packages))
    return environment(name)


def requirements(name: str) -> tuple[str, ...]:
    """What the first lines of the peer's file name."""
    found = SCRIPT.search((PEERS / f"{name}.py").read_text(encoding="utf-8"))
    if not found:
        return ()
    script = "\n".join(line.removeprefix("#").strip() for line in found[1].splitlines())
    return tuple(tomllib.loads(script)["dependencies"])


def _installed(name: str) -> tuple[str, ...]:
    stamp = _stamp(name)
    return tuple(stamp.read_text().splitlines()) if stamp.exists() else ()


def _stamp(name: str) -> Path:
    return CACHE / name / "installed.txt"


def _python(name: str) -> Path:
    return CACHE / name / "bin" / "python"


def _run(command: list[object], name: str) -> None:
    words = [str(word) for word in command]
    said = subprocess.run(words, capture_output=True, text=True, timeout=INSTALLATION, check=False)
    if said.returncode:
        last = (said.stderr or said.stdout).strip().splitlines()[-1:]
        raise NotInstalled(f"{name} did not install: {' '.join(last)}")
