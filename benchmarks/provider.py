"""A loopback server that speaks the Messages API and is never the bottleneck: asyncio, HTTP/1.1 by hand, answers made
beforehand. It waits as long as it is told before each answer, and counts its calls.

    POST /v1/messages       an answer in the product's envelope, with usage
    GET  /count             {"calls": …, "waiting": …, "most": …}: how many came, wait now, and waited at most
    GET  /delay/<ms>        sets the time before each answer and counts from nought again
"""

import asyncio
import itertools
import json
import socket
import sys

MODEL = "claude-haiku-5-5"
CLASSIFY = b"Classify this message"  # stands in the first of the two requests of the common work only
ENVELOPE = {"status": "ok", "confidence": 0.93, "rationale": "It asks for money back.", "uncovered": None}
CLASSIFIED = {**ENVELOPE, "output": {"category": "refund"}}
DRAFTED = {
    **ENVELOPE,
    "output": {"text": "Dear Alex, we have looked into your order and will send the money back. " * 6},
}
HEADER_END = b"\r\n\r\n"
MANY = 4096  # connections that wait to be accepted


class Provider:
    """What all connections share: the delay and the counts."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.delay = 0.0
        self.calls = self.waiting = self.most = 0

    def set_delay(self, milliseconds: int) -> None:
        self.delay = milliseconds / 1000
        self.calls = self.most = 0

    def count(self) -> dict[str, int]:
        return {"calls": self.calls, "waiting": self.waiting, "most": self.most}


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests are answered in the order in which they came."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while request := self._next_request():
            self._answer(*request)

    def _next_request(self) -> tuple[bytes, bytes] | None:
        """The head and the body of the first complete request, which is taken away."""
        end = self.received.find(HEADER_END)
        if end < 0:
            return None
        head = self.received[:end]
        body_at = end + len(HEADER_END)
        after = body_at + _content_length(head)
        if len(self.received) < after:
            return None
        body, self.received = self.received[body_at:after], self.received[after:]
        return head, body

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        provider = self.provider
        if method == b"POST" and path.startswith(b"/v1/messages"):
            self._complete(body)
        elif path == b"/count":
            self._send(_response(json.dumps(provider.count()).encode()))
        elif path.startswith(b"/delay/"):
            provider.set_delay(int(path.rpartition(b"/")[2]))
            self._send(_response(b"{}"))
        else:
            self._send(_response(b'{"error": "not found"}', b"404 Not Found"))

    def _complete(self, body: bytes) -> None:
        provider = self.provider
        provider.calls += 1
        head, tail = _CLASSIFIED if CLASSIFY in body else _DRAFTED
        answer = head + b"%024d" % next(provider.numbers) + tail
        if not provider.delay:
            self._send(answer)
            return
        provider.waiting += 1
        provider.most = max(provider.most, provider.waiting)
        asyncio.get_running_loop().call_later(provider.delay, self._send_late, answer)

    def _send_late(self, answer: bytes) -> None:
        self.provider.waiting -= 1
        self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


def _content_length(head: bytes) -> int:
    _, name, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if name else 0


def _response(body: bytes, status: bytes = b"200 OK") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nrequest-id: req_bench\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


def _message(said: dict) -> tuple[bytes, bytes]:
    """A whole response, cut where the number of the message stands."""
    message = {
        "id": f"msg_{'#' * 24}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": json.dumps(said)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 412,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 96,
            "service_tier": "standard",
        },
    }
    head, _, tail = _response(json.dumps(message).encode()).partition(b"#" * 24)
    return head, tail


_CLASSIFIED, _DRAFTED = _message(CLASSIFIED), _message(DRAFTED)


async def serve(listening: socket.socket) -> None:
    provider = Provider()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(provider), sock=listening, backlog=MANY)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=MANY)))
