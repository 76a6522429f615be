"""A mail server on the loopback interface: it speaks as much SMTP as a client needs, keeps what it is given, and refuses whom it is
told to."""

import email
import email.policy
import socketserver
import threading
from email.message import EmailMessage
from typing import Self


class MailServer:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    owner: MailServer


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("220 local")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"QUIT":
                return self._say("221 bye")
            if word == b"RCPT" and self.server.owner.refuses:
                self._say("550 nobody here by that name")
            elif word == b"DATA":
                self._say("354 go on")
                self._keep()
                self._say("250 taken")
            else:
                self._say("250 local" if word in (b"EHLO", b"HELO") else "250 ok")

    def _keep(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.owner.mails.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
