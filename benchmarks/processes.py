"""Processes that the benchmarks start, and what they cost: CPU time and memory of a process with all its descendants,
read from /proc (Linux)."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 15  # seconds to end by itself


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, stop: int = signal.SIGTERM, **popen: object
) -> Iterator[subprocess.Popen]:
    """Runs the command as long as the block does, in a session of its own; what it says is appended to the log."""
    with log.open("ab") as output:
        options = {"stdout": output, "stderr": output, **popen}
        process = subprocess.Popen([str(word) for word in command], start_new_session=True, **options)
    try:
        yield process
    finally:
        end(process, stop)


def end(process: subprocess.Popen, stop: int = signal.SIGTERM) -> None:
    """Asks it to end, and kills what is left of its session where it does not, or leaves children behind."""
    if process.poll() is None:
        process.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(**more: object) -> Mapping[str, str]:
    """The environment of this process with some more in it."""
    return {**os.environ, **{name: str(value) for name, value in more.items()}}


def cpu_seconds(pid: int) -> float:
    """User and system time so far of the process, of its living descendants, and of those that have ended."""
    return sum(_ticks(one) for one in _family(pid)) / TICKS


def memory(pid: int) -> int:
    """Bytes that the process and its descendants hold; what they share is counted once (PSS)."""
    return sum(_proportional(one) for one in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in PROC.glob(f"{pid}/task/*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))


def _ticks(pid: int) -> int:
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # it has ended; its parent counts it now
    return sum(int(field) for field in fields[11:15])  # utime, stime, and those of the children that were waited for


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
