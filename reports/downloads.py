"""An export on its way to whoever asked. It is written to a file first, which the server sends by itself: a reader that takes its
time holds neither the database nor a thread. And few of them are on their way at once, since each takes room on the disk."""

import tempfile
import threading
import weakref
from typing import IO

from django.conf import settings
from django.http import FileResponse

from wire.problems import Unavailable

from .exporting import Export
from .files import KINDS

_seats = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))


class Download(FileResponse):
    """Gives its seat back when it is closed, or forgotten."""

    def __init__(self, file: IO[bytes], **more: object) -> None:
        super().__init__(file, as_attachment=True, **more)
        self.leave = weakref.finalize(self, _leave, file)

    def close(self) -> None:
        super().close()
        self.leave()


def _leave(file: IO[bytes]) -> None:
    file.close()
    _seats.release()


def sent(made: Export) -> Download:
    """The answer that a browser keeps as a file. Raises `Unavailable` where too many are on their way."""
    if not _seats.acquire(blocking=False):
        raise Unavailable("As many files as there is room for are being sent; ask again in a moment.")
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    try:
        file.writelines(made.pieces)
        file.seek(0)
        charset = "; charset=utf-8" if made.kind == KINDS["csv"] else ""
        response = Download(file, filename=made.name, content_type=made.kind + charset)
    except BaseException:
        file.close()
        _seats.release()
        raise
    response["Cache-Control"] = "no-store"
    return response
