"""`make run` as people start it: it says where it is once it is there, keeps what it was told to itself, and ends well."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def environment(folder: Path, **variables: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/service.sqlite3", "BROKER_URL": "", **variables}


@contextmanager
def service(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen, list[str]]]:
    """The process, and the lines that it wrote up to its address."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment(folder, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "Workflow Memory is at" in line:
                break
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_it_is_there_as_soon_as_it_says_so_and_leaves_when_it_is_told(tmp_path, port):
    with service(tmp_path, PORT=str(port)) as (process, lines):
        answered = ask(port, b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert answered.startswith(b"HTTP/1.1 404")
    assert re.search(r"admin, password \S{16} \(shown once\)", lines[0])
    assert f"http://127.0.0.1:{port}/admin/" in lines[1]


def test_one_answer_does_not_run_into_the_next(tmp_path, port):
    two = b"HEAD /admin/login/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two += b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with service(tmp_path, PORT=str(port)):
        head, _, rest = ask(port, two).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert rest.startswith(b"HTTP/1.1 404")


def test_a_slow_client_holds_up_nobody(tmp_path, port):
    with service(tmp_path, PORT=str(port)):
        slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
        for one in slow:
            one.sendall(b"POST /api/v1/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        answered = ask(port, b"GET /api/v1/workflows HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for one in slow:
            one.close()
    assert answered.startswith(b"HTTP/1.1 401")


def test_a_body_that_is_far_too_large_is_not_read(tmp_path, port):
    """One that is a little too large is answered by the API; of this one nothing was sent yet."""
    request = b"POST /api/v1/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n{"
    with service(tmp_path, PORT=str(port)):
        assert ask(port, request).startswith(b"HTTP/1.1 413")


def ask(port: int, request: bytes) -> bytes:
    """Without a second attempt: what was announced has to be there. Reads until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


def test_a_password_that_was_given_is_not_written_anywhere(tmp_path, port):
    with service(tmp_path, PORT=str(port), ADMIN_PASSWORD="a long password") as (_, lines):
        assert "a long password" not in "".join(lines)
        assert lines[0] == "The first administrator is admin, with the password in ADMIN_PASSWORD.\n"


@pytest.mark.parametrize(
    ("host", "sentence"),
    [("127.0.0.1", "Address already in use"), ("x" * 64, "HOST is no name or address of this machine")],
)
def test_where_it_cannot_listen_it_says_so_and_announces_nothing(tmp_path, host, sentence):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = {"HOST": host, "PORT": str(taken.getsockname()[1]), "TLS": "false"}
        done = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment(tmp_path, **where),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"CommandError: Cannot listen on {where['HOST']}:{where['PORT']}: {sentence}.\n"


def test_a_further_worker_is_refused_with_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "run_worker"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "the embedded broker lives inside `make run`" in done.stderr


def test_serving_without_a_worker_needs_others_that_execute(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--no-worker"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody else can execute" in done.stderr


@pytest.mark.parametrize(("proxy", "address"), [("127.0.0.1", b"https://"), ("", b"http://"), ("10.0.0.1", b"http://")])
def test_the_scheme_is_what_the_trusted_proxy_says_and_nobody_else(tmp_path, port, proxy, address):
    """The admin's cookie and the addresses of pages depend on it."""
    request = b"GET /admin/login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    post = request.replace(b"GET", b"POST").replace(
        b"Connection", b"Origin: https://localhost\r\nContent-Length: 0\r\nConnection"
    )
    with service(tmp_path, PORT=str(port), TRUSTED_PROXY=proxy, DEBUG="true"):
        said = ask(port, post)
    assert (b"Origin checking failed" in said) is (address == b"http://")
