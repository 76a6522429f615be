"""This product, started as a program starts it: `POST …/executions` with a key, to a web process beside the worker. What the
web process costs counts as the client's."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from uuid import UUID

from .ours import NAME, ROOT, OurClient, work
from .protocol import Place, play

THREADS = 8
START = 30.0  # seconds until the server answers


class ApiClient(OurClient):
    """Sees what is completed as `OurClient` does."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._connection: http.client.HTTPConnection | None = None
        self._headers: dict[str, str] = {}

    def submit(self, text: str) -> UUID:
        if self._connection is None:
            self._connection = _server()
            self._headers = {"Authorization": f"Bearer {_key()}", "Content-Type": "application/json"}
        body = json.dumps({"input": {"text": text}})
        self._connection.request("POST", f"/api/v1/workflows/{NAME}/executions", body, self._headers)
        answer = self._connection.getresponse()
        said = json.load(answer)
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{answer.status}: {said}")
        return UUID(said["id"])

    def submit_all(self, texts: list[str]) -> None:
        for text in texts:
            self.submit(text)


def _key() -> str:
    from projects.models import ApiKey, Project

    _, token = ApiKey.objects.issue(Project.objects.get(name="bench"), ["read", "execute"])
    return token


def _server() -> http.client.HTTPConnection:
    """A connection to a web process of its own, which ends with the session of this one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = [f"--listen=127.0.0.1:{port}", f"--threads={THREADS}"]
    subprocess.Popen([sys.executable, "-m", "waitress", *listen, "config.wsgi:application"], cwd=ROOT, env=os.environ)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    deadline = time.monotonic() + START
    while True:
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            # Small requests leave at once, as they do from any HTTP library.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


if __name__ == "__main__":
    play(ApiClient, work)
