"""What comes before any request is one: bytes on a socket of the real server. Each is answered, in JSON, and the next caller
is served."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.servers import free_port
from tests.test_service import ROOT, environment, service

RUN = b"POST /api/v1/workflows/refund/executions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /api/v1/workflows HTTP/1.1\r\nHost: localhost\r\n"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    found = free_port()
    with service(tmp_path_factory.mktemp("http"), PORT=str(found)):
        yield found


@pytest.fixture(scope="module")
def key(port, tmp_path_factory) -> bytes:
    folder = next(one for one in tmp_path_factory.getbasetemp().iterdir() if one.name.startswith("http"))
    words = [sys.executable, "manage.py", "create_api_key", "--project", "shop"]
    made = subprocess.run(words, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True)
    return b"Authorization: Bearer " + made.stdout.strip().encode() + b"\r\n"


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def problem(self, status: int) -> dict:
        found, headers, body = self.answer()
        assert (found, headers["content-type"]) == (status, "application/problem+json"), body
        assert headers["x-content-type-options"] == "nosniff"
        said = json.loads(body)
        assert (said["type"], said["status"]) == ("about:blank", status)
        return said

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def connection(port) -> Iterator[Connection]:
    connection = Connection(port)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(RUN + b"Content-Length: many\r\n\r\n{}", 400, id="a length that is no number"),
        pytest.param(RUN + b"Content-Length: -5\r\n\r\n{}", 400, id="a negative length"),
        pytest.param(RUN + b"Content-Length: +2\r\n\r\n{}", 400, id="a length with a sign"),
        pytest.param(RUN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, id="two lengths"),
        pytest.param(
            RUN + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="a length and a coding"
        ),
        pytest.param(RUN + b"Idempotency-Key: a\r\nidempotency-key: b\r\n\r\n", 400, id="two idempotency keys"),
        pytest.param(RUN + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, id="a length of 5,000 digits"),
        pytest.param(RUN + b"Content-Length: " + b"9" * 20 + b"\r\n\r\n", 413, id="a length of exabytes"),
        pytest.param(RUN + b"Transfer-Encoding: gzip\r\n\r\n", 501, id="another transfer coding"),
        pytest.param(RUN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="a chunk of no size"),
        pytest.param(GET + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n", 431, id="a header of 100,000 bytes"),
        pytest.param(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", 431, id="an address of 100,000 bytes"),
        pytest.param(b"GET http://[/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, id="an address that is none"),
        pytest.param(GET + b"Bad Header: 1\r\n\r\n", 400, id="a header with a blank in its name"),
        pytest.param(b"HELLO\r\n\r\n", 400, id="no HTTP"),
        pytest.param(b"GET /api/v1/workflows HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(GET.replace(b"localhost", b"elsewhere.example") + b"\r\n", 400, id="another Host"),
        pytest.param(GET.replace(b"localhost", b"local\x00host") + b"\r\n", 400, id="a Host with a NUL"),
    ],
)
def test_what_is_no_request_is_refused_in_json(connection, request_, status):
    connection.send(request_)
    assert connection.problem(status)["detail"]
    if b"Transfer-Encoding: chunked\r\n\r\n0" in request_ or b"Idempotency" in request_:
        assert connection.file.read() == b""  # and the connection ends


def test_a_body_too_large_is_heard_to_its_end_and_refused(connection, key):
    """Whoever is still sending hears no answer; and the connection serves on."""
    body = b'{"input": {"message": "' + b"x" * (20 * MIB) + b'"}}'
    connection.send(RUN + key + b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert "at most 2097152 bytes" in connection.problem(413)["detail"]
    connection.send(GET + key + b"\r\n")
    assert connection.answer()[0] == 200


def test_a_chunked_body_is_a_body(connection, key):
    head = RUN + key + b"Transfer-Encoding: chunked\r\n\r\n"
    connection.send(head, b'9\r\n{"input":\r\n', b"3\r\n 1}\r\n", b"0\r\n\r\n")
    assert connection.problem(404)["detail"] == "There is no such workflow in this project."
    chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    connection.send(head, chunk, chunk, chunk, b"0\r\n\r\n")
    connection.problem(413)
    connection.send(GET + key + b"\r\n")
    assert connection.answer()[0] == 200


def test_who_asks_whether_to_go_on_with_nothing_is_answered_at_once(connection, key):
    connection.send(GET, key, b"Expect: 100-continue\r\n\r\n")
    assert connection.answer()[0] == 200


def test_a_body_that_is_compressed_is_not_supported(connection, key):
    connection.send(RUN + key + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")
    assert "not compressed" in connection.problem(415)["detail"]


def test_a_length_that_is_not_the_bodys_does_not_hurt_the_next_request(connection, key):
    """Shorter than the body: the rest is no request, and the connection ends with an answer that says so."""
    connection.send(RUN + key + b'Content-Length: 2\r\n\r\n{}{"smuggled": true}\r\n\r\n')
    assert connection.problem(422)["errors"][0]["pointer"] == "/input"
    connection.problem(400)
    assert connection.file.read() == b""


def test_a_body_that_never_comes_keeps_nobody(port, key):
    many = [Connection(port) for _ in range(150)]
    for one in many:
        one.send(RUN + b"Content-Length: 100\r\n\r\n{")
    connection = Connection(port)
    connection.send(GET + key + b"Connection: close\r\n\r\n")
    assert connection.answer()[0] == 200
    for one in (*many, connection):
        one.close()


def test_a_key_comes_in_one_header_alone(connection, key):
    connection.send(GET + key + key + b"\r\n")
    connection.problem(401)
    connection.send(GET.replace(b"workflows", b"workflows?key=1&access_token=2") + b"\r\n")
    connection.problem(401)


def test_a_proxy_that_passes_on_rubbish_is_refused_in_json(tmp_path):
    port = free_port()
    with service(tmp_path, PORT=str(port), TRUSTED_PROXY="127.0.0.1"), closing(Connection(port)) as connection:
        connection.send(GET + b'X-Forwarded-For: "\r\n\r\n')
        connection.problem(400)


def test_nothing_that_was_sent_is_said_again(connection):
    connection.send(GET + b"<script>alert(1)</script>\r\n\r\n")
    assert "script" not in json.dumps(connection.problem(400))
