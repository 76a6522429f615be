"""The whole product as an operator runs it: PostgreSQL, Valkey, web processes and workers, and a provider that keeps a
bill. Everything is a process of its own, so everything can be hurt."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from tests.chaos.definitions import CALLER, definition
from tests.chaos.nursery import Forked
from tests.chaos.provider import Provider
from tests.servers import PostgreSQL, Valkey, free_port

ROOT = Path(__file__).parent.parent.parent


class Child:
    """One process of the product, `python WORDS`. What it writes goes to a file."""

    def __init__(self, words: list[str], environment: dict[str, str], log: Path, quick: bool) -> None:
        self.log = log
        log.touch()
        self._process = (Forked if quick else _popen)(words, environment, ROOT, log)
        self.pid = self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    @property
    def at_work(self) -> bool:
        return self.lives and "executes up to" in self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Its exit code; minus the signal where one ended it."""
        return self._process.wait(timeout=seconds)

    def wait_for(self, sentence: str, seconds: float = 60) -> None:
        wait_until(lambda: sentence in self.log.read_text() or not self.lives, seconds, f"nobody says {sentence!r}")
        if not self.lives:
            raise RuntimeError(self.log.read_text()[-3000:])


@dataclass(frozen=True)
class Work:
    """Executions that were accepted together. Their cases are `<tag>-<number>`."""

    tag: str
    workflow: str
    cases: dict[str, str]  # execution → case

    @property
    def ids(self) -> list[str]:
        return list(self.cases)


class House:
    """`quick`: its processes are forked, and a worker's lease is 4 seconds instead of 20. Everything that was started ends
    with the `with` block."""

    def __init__(self, seed: int, quick: bool = False) -> None:
        self.seed, self.quick, self.lease = seed, quick, 4.0 if quick else 20.0
        self.folder = Path(tempfile.mkdtemp(prefix="workflow-memory-chaos-"))
        self.random = random.Random(seed)
        self.provider = Provider(seed)
        self.database, self.broker = PostgreSQL(self.folder), Valkey()
        self.children: list[Child] = []
        self._workers: list[Child] = []
        self._staff: list[Child] = []
        self.ports: list[int] = []
        self.key = ""
        self._tags = 0

    def __enter__(self) -> "House":
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _open(self) -> None:
        self.provider.server.__enter__()
        self.database.start()
        self.broker.start()
        self.key = self.manage("create_api_key", "--project", "chaos")
        self.manage("register_tool", "chaos.poison", "chaos.sleep", "--project", "chaos")
        self.web()
        # `proved` has cases, and so a gate: the others are published again without one.
        for name, tool in (("work", ""), ("proved", ""), ("poison", "chaos.poison"), ("sleep", "chaos.sleep")):
            body = {"name": name, "definition": definition(tool=tool), "publish": True}
            self.must(201, "POST", "workflows", body)
        self.must(201, "POST", "workflows", {"name": "caller", "definition": CALLER, "publish": True})

    def close(self) -> None:
        for child in self.children:
            if child.lives:
                child.kill()
        self.database.stop(signal.SIGQUIT)
        self.broker.stop(signal.SIGKILL)
        self.provider.server.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes

    def environment(self, **variables: object) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.database.url,
            "BROKER_URL": f"{self.broker.url}/0",
            "SECRET_KEY": "a secret of the tests of faults, which protects nothing",
            "ANTHROPIC_API_KEY": "a key",
            "ANTHROPIC_BASE_URL": self.provider.server.url,
            "TOOL_MODULES": "tests.chaos.tools",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "THROTTLE_KEY": "0",  # it has one key, and is in a hurry
            "THROTTLE_PROJECT": "0",
            **{name: str(value) for name, value in variables.items()},
        }

    def manage(self, *words: str) -> str:
        """What the command writes."""
        command = self._child(["manage.py", *words], {})
        if command.wait(120):
            raise RuntimeError(command.log.read_text())
        return command.log.read_text().strip()

    def web(self, **variables: object) -> Child:
        """One more process that serves the API and executes nothing; its port is the last one of `ports`."""
        self.ports.append(free_port())
        web = self._child(
            ["manage.py", "serve", "--no-worker"], {"PORT": self.ports[-1], "WEB_THREADS": 16, **variables}
        )
        port = self.ports[-1]
        wait_until(lambda: self.ask("GET", "workflows", port=port)[0] == 200, 60, "the web process does not answer")
        return web

    def workers(self, *asked: dict[str, object]) -> list[Child]:
        """Workers with these variables each, all of them at work. `hours`: by how much the clock of one is wrong."""
        started = [self.worker(**variables) for variables in asked]
        for worker in started:
            worker.wait_for("executes up to")
        return started

    def staff(self) -> list[Child]:
        """Two workers as they usually are; those that are here already stay."""
        if not self._staff or self._workers != self._staff or not all(worker.lives for worker in self._staff):
            self.dismiss()
            self._staff = self.workers({}, {})
        return self._staff

    def worker(self, hours: float = 0, **variables: object) -> Child:
        """Starts one and does not wait for it."""
        plain = not hours and not self.quick
        words = ["manage.py", "run_worker"] if plain else ["-m", "tests.chaos.child", str(self.lease), str(hours)]
        self._workers.append(self._child(words, {"IN_FLIGHT": 10, **variables}))
        return self._workers[-1]

    def dismiss(self) -> None:
        """Ends all workers at once."""
        for worker in self._workers:
            if worker.lives:
                worker.kill()
        self._workers = []

    def complaints(self) -> str:
        """What its processes wrote of errors, for whoever has to find out what happened."""
        said = [line for child in self.children for line in child.log.read_text().splitlines()]
        wrong = [line[:300] for line in said if re.search('"(error|critical|warning)"|ERROR|CRITICAL|WARNING', line)]
        return "\n".join(wrong[-20:])

    def _child(self, words: list[str], variables: dict[str, object]) -> Child:
        log = self.folder / f"child-{len(self.children)}.log"
        self.children.append(Child(words, self.environment(**variables), log, self.quick))
        return self.children[-1]

    # The API

    def ask(
        self, method: str, path: str, body: object = None, key: str = "", port: int = 0, timeout: float = 30
    ) -> tuple[int, dict, dict]:
        """(status, headers, body); the status is 0 where nobody answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{port or self.ports[0]}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            | ({"Idempotency-Key": key} if key else {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, dict(answer.headers), json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
            return error.code, dict(error.headers), json.loads(said) if said.startswith(b"{") else {"html": said}
        except OSError:
            return 0, {}, {}

    def must(self, status: int, *asked: object, **more: object) -> dict:
        came, _, body = self.ask(*asked, **more)
        assert came == status, (came, body)
        return body

    def tag(self) -> str:
        self._tags += 1
        return f"t{self._tags}"

    def submit(self, count: int, workflow: str = "work", word: str = "refund") -> Work:
        """Accepts so many executions at once."""
        return self.more(Work(self.tag(), workflow, {}), count, word)

    def more(self, work: Work, count: int, word: str = "refund") -> Work:
        """The same work, and so many executions of it more."""
        cases = [f"{work.tag}-{len(work.cases) + number}" for number in range(count)]
        inputs = [{"message": f"A {word}, case {case}"} for case in cases]
        made = self.must(202, "POST", f"workflows/{work.workflow}/executions/batch", {"inputs": inputs})["results"]
        return replace(work, cases=work.cases | {row["id"]: case for row, case in zip(made, cases, strict=True)})

    def call(self, callers: int, each: int) -> Work:
        """Accepts so many executions that each call so many others."""
        tag = self.tag()
        inputs = [
            {"messages": [f"A refund, case {tag}-{caller * each + one}" for one in range(each)]}
            for caller in range(callers)
        ]
        made = self.must(202, "POST", "workflows/caller/executions/batch", {"inputs": inputs})["results"]
        return Work(tag, "caller", {row["id"]: f"{tag}-caller{number}" for number, row in enumerate(made)})

    def called(self, work: Work) -> Work:
        """What these executions have called."""
        query = "SELECT id, input->>'message' FROM executions_execution WHERE caller_id = ANY(%s::uuid[])"
        return Work(work.tag, "work", {str(pk): said.split()[-1] for pk, said in self.rows(query, work.ids)})

    def evaluate(self, count: int) -> tuple[str, str]:
        """Begins an evaluation of so many cases; their tag, and its id."""
        tag = self.tag()
        cases = [
            {"kind": "covered", "input": {"message": f"A refund, case {tag}-{n}"}, "expected": {"kind": "refund"}}
            for n in range(count)
        ]
        self.must(201, "POST", "workflows/proved/cases/import", {"cases": [{**one, "tags": [tag]} for one in cases]})
        body = {"against": "nothing", "tags": [tag], "at_once": 20}
        return tag, self.must(201, "POST", "workflows/proved/evaluations", body)["id"]

    def evaluation(self, evaluation: str) -> dict:
        return self.must(200, "GET", f"evaluations/{evaluation}")

    def tried(self, tag: str, evaluation: str) -> Work:
        """What an evaluation has executed."""
        query = "SELECT execution.id, execution.input->>'message' FROM evaluations_result AS result "
        query += "JOIN executions_execution AS execution ON execution.id = result.execution_id "
        rows = self.rows(query + "WHERE result.evaluation_id = %s", evaluation)
        return Work(tag, "proved", {str(pk): said.split()[-1] for pk, said in rows})

    def accept(self, key: str, case: str, port: int = 0) -> tuple[int, dict, dict]:
        """Asks for one execution, with an Idempotency-Key."""
        body = {"input": {"message": f"A refund, case {case}"}}
        return self.ask("POST", "workflows/work/executions", body, key=key, port=port)

    # The database, past the product

    def rows(self, query: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.database.url, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(query, values).fetchall()

    def unfinished(self, work: Work) -> int:
        ended = "SELECT count(*) FROM executions_execution WHERE id = ANY(%s::uuid[]) AND finished_at IS NOT NULL"
        return len(work.ids) - self.rows(ended, work.ids)[0][0]

    def deaths(self, work: Work) -> int:
        """The most that are counted against one of the executions."""
        deaths = "SELECT max(deaths) FROM executions_execution WHERE id = ANY(%s::uuid[])"
        return self.rows(deaths, work.ids)[0][0]

    def taken_over(self, work: Work, code: str = "%") -> int:
        """How often a worker took one of the executions from another: because that one `died`, or had `given_back`."""
        taken = "SELECT count(*) FROM executions_event WHERE kind = 'take-over' AND execution_id = ANY(%s::uuid[])"
        return self.rows(f"{taken} AND code LIKE %s", work.ids, code)[0][0]

    def steps(self, work: Work, step: str) -> int:
        """How many of the executions have this step behind them."""
        done = "SELECT count(*) FROM executions_stepresult WHERE execution_id = ANY(%s::uuid[]) AND step = %s"
        return self.rows(f"{done} AND status = 'done'", work.ids, step)[0][0]

    def wait_for_end(self, work: Work, seconds: float) -> float:
        """How long it took."""
        began = time.monotonic()
        wait_until(lambda: self.unfinished(work) == 0, seconds, "not everything has ended")
        return time.monotonic() - began


def _popen(words: list[str], environment: dict[str, str], folder: Path, log: Path) -> subprocess.Popen:
    with log.open("wb") as file:
        command = [sys.executable, *words]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )


def wait_until(condition: Callable[[], object], seconds: float, complaint: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{complaint} after {seconds:g} seconds")
        time.sleep(0.05)
