"""HTTP where no request reaches the application: what waitress itself refuses is problem+json too, a request that it cannot
read ends with an answer, and a body that is too large for everybody is read to its end and not kept."""

import json
import time
from collections import Counter

import waitress
from waitress import utilities
from waitress.buffers import OverflowableBuffer
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, MultiSocketServer

from wire import rest

MAX_HEADERS = 64 * 1024
# So much of a body is read, though not kept: who is still sending hears no answer. More than that is cut off.
MAX_HEARD = 64 * 1024 * 1024
CONNECTIONS = 500  # at once; one that sends nothing for a minute is closed
IDLE = 60  # seconds

TWO_KEYS = "A request has one Idempotency-Key."
TWO_LENGTHS = "A body has a Content-Length or a Transfer-Encoding, not both."
DETAILS = {
    400: "This is no HTTP request that can be read.",
    413: f"A body has at most {rest.MAX_BODY} bytes.",
    431: f"The first line and the headers have at most {MAX_HEADERS} bytes.",
    500: "We broke. The error is logged.",
    501: "The only transfer coding is chunked.",
}


class _Kept(OverflowableBuffer):
    """Of a body, one byte more than is allowed, which is how the application knows."""

    def append(self, s: bytes) -> None:
        room = rest.MAX_BODY + 1 - len(self)
        if room > 0:
            super().append(s[:room])


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        _refuse_what_reads_in_two_ways(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a length of thousands of digits, an address that is none
            raise ParsingError(str(error)) from error
        if self.body_rcv is None:
            self.expect_continue = False  # there is nothing to go on with: waitress would wait for it
        else:
            self.body_rcv.buf = _Kept(self.adj.inbuf_overflow)


def _refuse_what_reads_in_two_ways(header_plus: bytes) -> None:
    """What servers in a row may understand differently. waitress itself prefers the coding, and makes one key of two."""
    lines = header_plus.split(b"\r\n")[1:]
    names = Counter(line.partition(b":")[0].strip().lower() for line in lines if not line.startswith((b" ", b"\t")))
    if names[b"idempotency-key"] > 1:
        raise ParsingError(TWO_KEYS)
    if names[b"content-length"] and names[b"transfer-encoding"]:
        raise ParsingError(TWO_LENGTHS)


class _Channel(HTTPChannel):
    """Who takes nothing of his answer for a minute is cut off. waitress means to do so too, and waits for him to take something."""

    parser_class = _Parser

    def readable(self) -> bool:
        if self.will_close and self.connected and self.total_outbufs_len:
            self.handle_close()
        return super().readable()

    def writable(self) -> bool:
        return self.connected and bool(super().writable())

    def _flush_outbufs_below_high_watermark(self) -> None:
        """A thread that waits for a reader, as one does that has a second request of his, waits no longer than that."""
        with self.outbuf_lock:
            left, since = self.total_outbufs_len, time.monotonic()
            while self.connected and self.total_outbufs_len > self.adj.outbuf_high_watermark:
                self.server.pull_trigger()
                self.outbuf_lock.wait(1)
                if self.total_outbufs_len < left:
                    left, since = self.total_outbufs_len, time.monotonic()
                elif time.monotonic() - since > self.adj.channel_timeout:
                    self.will_close = True


def listen(
    application: object, host: str, port: int, threads: int, **more: object
) -> BaseWSGIServer | MultiSocketServer:
    """The server, bound to its address: whoever connects from now on is answered as soon as it runs."""
    sockets: dict[int, object] = {}
    server = waitress.create_server(
        application,
        map=sockets,
        host=host,
        port=port,
        threads=threads,
        ident=None,
        max_request_header_size=MAX_HEADERS,
        max_request_body_size=MAX_HEARD,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE,
        asyncore_use_poll=True,
        **more,
    )
    for one in sockets.values():
        if isinstance(one, BaseWSGIServer):
            one.channel_class = _Channel
    return server


def _as_problem(error: utilities.Error, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
    detail = error.body if error.body in (TWO_KEYS, TWO_LENGTHS) else DETAILS.get(error.code, error.reason)
    body = json.dumps(rest.said(error.code, error.reason, detail)).encode()
    headers = [("Content-Type", rest.PROBLEM_JSON), ("Content-Length", str(len(body)))]
    headers += [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")]
    return f"{error.code} {error.reason}", headers, body


# The one place where all its refusals are written, those of a proxy's headers too, and no subclass of ours is asked.
utilities.Error.to_response = _as_problem
