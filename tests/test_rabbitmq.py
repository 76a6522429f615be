"""The same path with RabbitMQ as the doorbell: web and worker are two processes, and what rings while the broker is away is
found all the same. Runs where `rabbitmq-server` is installed."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cast import REFUND
from tests.servers import PostgreSQL, RabbitMQ, free_port, rabbitmq_server

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(rabbitmq_server() is None, reason="rabbitmq-server is not installed")

PLAIN = {**REFUND, "edge_cases": [], "steps": REFUND["steps"][:1], "result": {"kind": "steps['clean']['text']"}}


class Web:
    """`make web` and `make worker` on two servers."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment, "PORT": str(free_port())}
        self.processes: list[subprocess.Popen] = []
        self.key = ""

    def start(self, *words: str, until: str) -> subprocess.Popen:
        command = [sys.executable, "manage.py", *words]
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert any(until in line for line in process.stdout), f"{words} did not start"
        return process

    def create_key(self) -> None:
        command = [sys.executable, "manage.py", "create_api_key", "--project", "alice"]
        self.key = subprocess.check_output(command, cwd=ROOT, env=self.environment, text=True).strip()

    def ask(self, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.environment['PORT']}/{path}",
            json.dumps(body).encode() if body else None,
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Prefer": "wait=20"},
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return json.load(response)
        except urllib.error.HTTPError as answer:
            return json.load(answer)

    def execute(self, text: str) -> dict:
        return self.ask("api/v1/workflows/refund/executions", {"input": {"message": text}})

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)
            process.stdout.close()


@pytest.fixture
def broker(tmp_path):
    server = RabbitMQ(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def web(broker):
    with tempfile.TemporaryDirectory() as folder:  # one of pytest's own is not open to an unprivileged PostgreSQL
        database = PostgreSQL(Path(folder), "fsync=off")
        database.start()
        web = Web({"DATABASE_URL": database.url, "BROKER_URL": broker.url})
        web.start("serve", "--no-worker", until="Workflow Memory is at")
        web.create_key()
        yield web
        web.end()
        database.stop()


def test_work_passes_with_the_broker_and_without_it(web, broker):
    web.ask("api/v1/workflows", {"name": "refund", "definition": PLAIN, "publish": True})
    assert web.ask("readyz")["worker"] == "unavailable"
    web.start("run_worker", until="executes up to")
    assert web.ask("readyz") == {"status": "ready", "database": "ok", "broker": "ok", "worker": "ok"}
    assert web.execute("A  refund")["output"] == {"kind": "A refund"}

    broker.stop()
    assert web.ask("readyz")["broker"] == "unavailable"
    assert web.execute("A refund without a bell")["status"] == "completed"

    broker.start()
    until = time.monotonic() + 60
    while web.ask("readyz")["status"] != "ready":
        assert time.monotonic() < until
        time.sleep(0.5)
    assert web.execute("A refund again")["status"] == "completed"
