"""Who asks for a file and does not read it."""

import socket
import threading
import time
import urllib.request

from django.http import HttpRequest, HttpResponseBase
from django.test import RequestFactory

from reports import downloads
from reports.exporting import Export
from service.http import listen

LARGE = 64 * 1024 * 1024


def large(request: HttpRequest) -> HttpResponseBase:
    return downloads.sent(Export("large.csv", "text/csv", 1, iter([b"x" * 65_536] * (LARGE // 65_536))))


def application(environ, start_response):
    """As Django hands a file to its server."""
    response = large(RequestFactory().get("/")) if environ["PATH_INFO"] == "/large" else None
    start_response("200 OK", [("Content-Type", "text/csv")])
    if response is None:
        return [b"here"]
    response.file_to_stream.close = response.close
    return environ["wsgi.file_wrapper"](response.file_to_stream, response.block_size)


def test_they_hold_no_thread_and_their_place_is_free_when_they_leave(monkeypatch):
    monkeypatch.setattr(downloads, "_seats", threading.BoundedSemaphore(1))
    server = listen(application, "127.0.0.1", 0, threads=1)
    threading.Thread(target=server.run, daemon=True).start()
    port = server.effective_port
    stalled = socket.create_connection(("127.0.0.1", port))
    stalled.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
    assert stalled.recv(1) == b"H"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
        assert answer.read() == b"here"
    assert not downloads._seats.acquire(blocking=False)
    stalled.close()
    until = time.monotonic() + 20
    while not downloads._seats.acquire(blocking=False):
        assert time.monotonic() < until
        time.sleep(0.05)
    server.close()
