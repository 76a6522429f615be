"""Models that answer from recordings: what a real model answered once is answered again, at no cost, and marked as simulated.

With `RECORD_TO` every answer of a real model is appended to a file as it comes; with `RECORDINGS` the targets `recorded:NAME`
answer from such files. A recording is found by the fingerprint of its request: model, prompts, schema, length, and not the
random marker around inserted values.
"""

import asyncio
import fcntl
import json
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from wire.redaction import USUAL

from ..types import Completion, Rejected, Request, Stop, Usage
from . import Provider

logger = logging.getLogger(__name__)

Tokens = Annotated[int, Field(ge=0, le=10_000_000)]


class RecordingError(Exception):
    """A file of recordings that cannot be used: which one, which line, and what is wrong with it."""


class RecordedUsage(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    input: Tokens = 0
    cache_read: Tokens = 0
    cache_write_5m: Tokens = 0
    cache_write_1h: Tokens = 0
    output: Tokens = 0
    thinking: Tokens = 0


class Recording(BaseModel):
    """One line, without secrets. `request` and `latency_ms`, what it took then, are for people: an answer comes at once, to
    whoever asks the same."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    model_served: Annotated[str, Field(min_length=1, max_length=200)]
    response: str
    stop: Stop = Stop.END
    usage: RecordedUsage
    latency_ms: NonNegativeInt | None = None
    request: dict[str, object] | None = None

    @classmethod
    def of(cls, request: Request, completion: Completion, latency_ms: int) -> Self:
        asked = request.user.replace(request.marker, "") if request.marker else request.user
        return cls(
            fingerprint=request.fingerprint,
            model_served=completion.model_served,
            response=USUAL.document(completion.text),
            stop=completion.stop,
            usage=RecordedUsage(**asdict(completion.usage)),
            latency_ms=latency_ms,
            request={
                "model": request.model,
                "system": [block.text for block in request.system],
                "user": USUAL.text(asked),
                "schema": request.schema,
                "max_output_tokens": request.max_output_tokens,
            },
        )

    @property
    def completion(self) -> Completion:
        usage = Usage(**self.usage.model_dump())
        return Completion(self.response, self.model_served, usage, self.stop, "recorded")


class RecordedProvider:
    """Answers each request as it was answered when it was recorded; several times, then in that order, and round again."""

    protocol = "recorded"
    simulated = True

    def __init__(self, files: Sequence[Path]) -> None:
        self._recordings: dict[str, list[Recording]] = defaultdict(list)
        self._told: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        for file in files:
            for recording in _read(file):
                self._recordings[recording.fingerprint].append(recording)

    async def complete(self, request: Request) -> Completion:
        fingerprint = request.fingerprint
        found = self._recordings.get(fingerprint)
        if not found:
            mend = "ask the real model once with RECORD_TO set, and name that file in RECORDINGS"
            raise Rejected(
                f"There is no recording of this request to {request.model}: {mend}. Fingerprint {fingerprint}."
            )
        with self._lock:
            number = self._told[fingerprint]
            self._told[fingerprint] += 1
        return found[number % len(found)].completion


class Recorder:
    """A real provider whose answers are written down as they come. A paid answer is not lost where that fails."""

    simulated = False

    def __init__(self, provider: Provider, file: Path) -> None:
        self._provider, self._file = provider, file
        self.protocol = provider.protocol

    async def complete(self, request: Request) -> Completion:
        started = time.monotonic()
        completion = await self._provider.complete(request)
        took = round((time.monotonic() - started) * 1000)
        try:
            await asyncio.to_thread(_append, self._file, Recording.of(request, completion, took))
        except (OSError, ValueError) as error:
            logger.warning("an answer could not be recorded: %s", type(error).__name__)
        return completion

    async def close(self) -> None:
        await self._provider.close()


def _append(file: Path, recording: Recording) -> None:
    """One line, whole, also where several processes record. What people wrote is in it: readable by its owner only."""
    line = json.dumps(recording.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
    with open(os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.write(_beginning(opened) + line.encode() + b"\n")


def _beginning(opened: BinaryIO) -> bytes:
    """A new line where the last one was cut off: it costs itself, and not the next one too."""
    if not opened.seek(0, os.SEEK_END):
        return b""
    opened.seek(-1, os.SEEK_END)
    return b"" if opened.read(1) == b"\n" else b"\n"


def _read(file: Path) -> Iterable[Recording]:
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordingError(f"{file}: {error.strerror}.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Recording.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise RecordingError(f"{file}, line {number}: {where}: {first['msg']}.") from error
