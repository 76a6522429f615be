"""A receiver of webhooks on the loopback interface, written after the specification and not after our sender: what it takes is
signed as Standard Webhooks say, else it answers 401.

    with Receiver() as receiver:
        receiver.secret = "whsec_…"
        receiver.answers = [500, Answer(302, {"Location": "/elsewhere"}), 200]   # in turn; the last one stays
"""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

TOLERANCE = 300  # seconds


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    endless: bool = False
    silent: bool = False  # the connection is closed without a word
    raw: bytes = b""  # instead of an answer


@dataclass(frozen=True)
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes
    verified: bool
    at: float
    method: str = "POST"

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict:
        return json.loads(self.body)


def is_genuine(secret: str, headers: dict[str, str], body: bytes, now: float) -> bool:
    key = base64.b64decode(secret.split("_", 1)[1], validate=True)
    if abs(now - int(headers["webhook-timestamp"])) > TOLERANCE:
        return False
    said = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest())
    signatures = [one.partition(",") for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(one.encode(), expected) for version, _, one in signatures)


class Receiver:
    def __init__(self, *answers: "int | Answer") -> None:
        self.secret = ""
        self.answers: list[int | Answer] = list(answers) or [200]
        self.heard: list[Heard] = []
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def types(self) -> list[str]:
        return [one.payload["type"] for one in self.heard]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def take(self, path: str, headers: dict[str, str], body: bytes, method: str = "POST") -> Answer:
        now = time.time()
        verified = bool(self.secret) and is_genuine(self.secret, headers, body, now)
        with self._lock:
            self.heard.append(Heard(path, headers, body, verified, now, method))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.secret and not verified:
            return Answer(401)
        return Answer(answer) if isinstance(answer, int) else answer


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Receiver) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up is no fault of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.owner.take(self.path, headers, body, self.command)
        self.server.owner.over.wait(answer.delay)
        with suppress(OSError):
            self._send(answer)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

    def _send(self, answer: Answer) -> None:
        if answer.silent:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif answer.raw:
            self.wfile.write(answer.raw)
            self.close_connection = True
        else:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if not answer.endless:
                self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            while answer.endless and not self.server.owner.over.wait(0.01):
                self.wfile.write(b"x" * 1000)

    def log_message(self, format: str, *args: object) -> None:
        """What was heard is the log."""
