"""Whoever asks for a file and does not read it keeps nobody else waiting: real sockets, the real server, the real answer."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from waitress import wasyncore

from reports import downloads
from reports.downloads import sent
from reports.exporting import Export
from service import http

PIECE = b"x" * 1024 * 1024
MANY = 40  # more than the buffers of two sockets, and than waitress keeps


def _made() -> Export:
    return Export("calls.csv", "text/csv", 1, (PIECE for _ in range(MANY)))


def large(request: HttpRequest) -> HttpResponse:
    return sent(_made())


def small(request: HttpRequest) -> HttpResponse:
    return HttpResponse("here")


urlpatterns = [path("large", large), path("small", small)]


@pytest.fixture
def port(settings, monkeypatch) -> Iterator[int]:
    """Of a server with two threads, whose minute is a second."""
    settings.ROOT_URLCONF, settings.MIDDLEWARE, settings.ALLOWED_HOSTS = __name__, [], ["*"]
    monkeypatch.setattr(http, "IDLE", 1)
    server = http.listen(get_wsgi_application(), "127.0.0.1", 0, 2, cleanup_interval=1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.1, use_poll=True, map=server._map, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.effective_port
    over.set()
    thread.join()
    server.task_dispatcher.shutdown()
    wasyncore.close_all(server._map)


def asked(port: int, *paths: str) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", port), timeout=20)
    found.sendall("".join(f"GET /{one} HTTP/1.1\r\nHost: localhost\r\n\r\n" for one in paths).encode())
    return found


def answer(port: int, path: str) -> tuple[str | None, bytes]:
    """How long it is said to be, and what it is."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", f"/{path}")
        found = connection.getresponse()
        return found.getheader("Content-Length"), found.read()


def lying() -> int:
    """Places that are free."""
    return downloads._seats._value


def test_stalled_readers_leave_the_threads_to_others_and_are_cut_off(port):
    free = lying()
    stalled = [asked(port, "large") for _ in range(4)]
    time.sleep(0.3)
    began = time.monotonic()
    assert answer(port, "small")[1] == b"here"
    assert time.monotonic() - began < 5
    end = time.monotonic() + 15
    while lying() < free and time.monotonic() < end:
        time.sleep(0.2)
    assert lying() == free
    for one in stalled:
        one.close()


def test_a_second_request_of_a_stalled_reader_holds_no_thread_for_good(port):
    stalled = [asked(port, "large", "small") for _ in range(3)]
    time.sleep(0.3)
    assert answer(port, "small")[1] == b"here"
    for one in stalled:
        one.close()


def test_whoever_reads_has_all_of_it(port):
    assert answer(port, "large") == (str(MANY * len(PIECE)), PIECE * MANY)
