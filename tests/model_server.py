"""A real HTTP server on the loopback interface that speaks as a provider does: it answers, fails and counts. What the protocols
have in common; `messages_server` and `chat_server` speak one each.

    with MessagesServer(lambda request: '{"status": "ok"}') as server:
        provider = AnthropicProvider("a key", server.url)
        server.inject(error(429, retry_after=2), times=3)   # the next three requests; the answer function after them
        ...
    assert len(server.exchanges) == 4
    assert server.answered == [("claude-haiku-5-5", {"input_tokens": 12, "output_tokens": 4})]

The answer function gets the body of a request (a dict) and gives a text, the body of an answer (a dict, see `message` and
`completion`), or a `Reply` (see `error`, `html`, `hang_up`, `reset`, `half`, `slow`, `drip`). Injected replies are the same.
"""

import json
import socket
import struct
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer on the wire. A text or the body of an answer is completed and sent as JSON, bytes go as they are."""

    body: "str | Body | bytes"
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the answer
    pause: float = 0.0  # seconds after each byte
    cut: bool = False  # half of the body, then the connection is closed
    silent: bool = False  # the connection is closed without a word
    reset: bool = False  # and hard


Answer = str | Body | Reply


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it. `usage` is None where nothing was answered completely."""

    request: Body
    headers: dict[str, str]
    status: int
    usage: Body | None


def html(status: int = 200) -> Reply:
    return Reply(b"<html><body>A proxy says hello.</body></html>", status, "text/html")


def hang_up() -> Reply:
    """Reads the request and closes the connection without an answer."""
    return Reply(b"", silent=True)


def reset() -> Reply:
    """Reads the request and breaks the connection off."""
    return Reply(b"", silent=True, reset=True)


def half(text: str) -> Reply:
    """Announces a whole answer, sends half of it, and closes the connection."""
    return Reply(text, cut=True)


def slow(seconds: float, text: str) -> Reply:
    return Reply(text, delay=seconds)


def drip(pause: float, text: str) -> Reply:
    """A whole answer, one byte after the other."""
    return Reply(text, pause=pause)


class ModelServer(ABC):
    """Listens while the `with` block lasts. `url` is the base URL for a client."""

    path: str  # the one that is answered
    base: str = ""  # of the path, what belongs to the URL that a client is given

    def __init__(self, answer: Callable[[Body], Answer]) -> None:
        self.exchanges: list[Exchange] = []
        self._answer = answer
        self._injected: list[Answer] = []
        self._lock = threading.Lock()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{self.base}"

    @abstractmethod
    def whole(self, text: str) -> Body:
        """The body of an answer with this text."""

    @abstractmethod
    def estimate(self, request: Body, body: Body) -> Body:
        """Its usage where none is stated: deterministic, four bytes a token, no cache."""

    @abstractmethod
    def error(self, status: int, text: str) -> Reply:
        """An error in the protocol's form."""

    @property
    def requests(self) -> list[Body]:
        return [exchange.request for exchange in self.exchanges]

    @property
    def answered(self) -> list[tuple[str, Body]]:
        """(model asked for, usage) of everything that was answered completely: what was paid."""
        return [(each.request["model"], each.usage) for each in self.exchanges if each.usage is not None]

    def inject(self, answer: Answer, times: int = 1) -> None:
        """The next `times` requests are answered so, before the answer function is asked again."""
        with self._lock:
            self._injected += [answer] * times

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def reply_to(self, request: Body) -> tuple[Reply, Body | None]:
        """The reply, and the usage it states where it is a whole answer."""
        with self._lock:
            injected = self._injected.pop(0) if self._injected else None
        answer = self._answer(request) if injected is None else injected
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        if isinstance(reply.body, bytes):
            return reply, None
        body = self.whole(reply.body) if isinstance(reply.body, str) else dict(reply.body)
        body["model"] = body.get("model") or request["model"]
        if body.get("usage") is None:
            body["usage"] = self.estimate(request, body)
        return replace(reply, body=encoded(body)), None if reply.cut else body["usage"]

    def log(self, exchange: Exchange) -> None:
        with self._lock:
            self.exchanges.append(exchange)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # behind the usual five a burst waits for its SYN to be sent again: 1, 3, 7, 15 s

    def __init__(self, owner: ModelServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Http

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        owner = self.server.owner
        if self.path.split("?")[0] != owner.path:
            return self._send(owner.error(404, f"There is nothing at {self.path}."))
        request = json.loads(raw)
        reply, usage = owner.reply_to(request)
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.log(Exchange(request, headers, 0 if reply.silent else reply.status, usage))
        time.sleep(reply.delay)
        with suppress(ConnectionError):  # the client may have given up: that is what some tests are about
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        if reply.silent:
            self.close_connection = True
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        assert isinstance(reply.body, bytes)
        self.send_response(reply.status)
        for name, value in {"content-type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self._send_body(reply, reply.body[: len(reply.body) // 2] if reply.cut else reply.body)

    def _send_body(self, reply: Reply, body: bytes) -> None:
        step = 1 if reply.pause else max(1, len(body))
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            self.wfile.flush()
            time.sleep(reply.pause)
        self.close_connection = self.close_connection or reply.cut

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the exchanges are the log."""


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def tokens(value: object) -> int:
    return -(-len(value if isinstance(value, bytes) else encoded(value)) // 4)
