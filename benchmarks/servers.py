"""Real PostgreSQL, Valkey and provider for one run: those of the tests, on free ports, in a temporary folder, and stopped at
the end. PostgreSQL commits to the disk (fsync on), as it does in earnest."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.servers import PostgreSQL, Valkey, free_port

from .processes import running

ROOT = Path(__file__).resolve().parent.parent
START = 10.0  # seconds until the provider answers
SETTINGS = ("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB", "max_connections=500", "jit=off")


@dataclass(frozen=True)
class Servers:
    """Where they are, and how to talk to them."""

    folder: Path
    postgres: PostgreSQL
    valkey: Valkey
    provider: str

    def database(self, name: str) -> tuple[str, bool]:
        """The URL of a database, and whether it was made just now."""
        with self.connect("postgres") as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
            if not found:
                connection.execute(f'create database "{name}"')
        return self._url(name), not found

    def connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._url(name), autocommit=True)

    def broker(self, number: int) -> str:
        return f"{self.valkey.url}/{number}"

    def settle(self) -> None:
        """What was left to be written is written now, and not during what is measured next."""
        with self.connect("postgres") as connection:
            connection.execute("checkpoint")

    def delay(self, milliseconds: int) -> None:
        """Tells the provider how long to wait before each answer; its counts begin anew."""
        _get(f"{self.provider}/delay/{milliseconds}")

    def count(self) -> dict[str, int]:
        """The provider's `calls`, those `waiting` now, and the `most` that waited at once."""
        return _get(f"{self.provider}/count")

    def versions(self) -> str:
        with self.connect("postgres") as connection:
            postgres = connection.execute("show server_version").fetchone()[0].split()[0]
        said = subprocess.run([self.valkey.binary, "--version"], capture_output=True, text=True, check=True).stdout
        return f"PostgreSQL {postgres}, Valkey {said.partition('v=')[2].split()[0]}"

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.postgres.port}/{name}"


@contextmanager
def servers() -> Iterator[Servers]:
    """All three, up and answering, as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with ExitStack() as at_the_end:
            database, broker = PostgreSQL(folder, *SETTINGS), Valkey()
            for server in (database, broker):
                at_the_end.callback(server.stop)
                server.start()
            yield Servers(folder, database, broker, at_the_end.enter_context(_provider(folder)))


@contextmanager
def _provider(folder: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running([sys.executable, ROOT / "benchmarks" / "provider.py", port], log=folder / "provider.log"):
        _await(url)
        yield url


def _await(url: str) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            _get(f"{url}/count")
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the provider did not start in {START:.0f} s: {error}") from error
            time.sleep(0.05)
        else:
            return


def _get(url: str) -> dict[str, int]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)
