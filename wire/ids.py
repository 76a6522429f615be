"""Ids that grow with time (UUID version 7, RFC 9562 §5.7): index-friendly, unguessable, opaque outside."""

import os
import time
import uuid
from datetime import datetime


def new_id() -> uuid.UUID:
    """Milliseconds, their 4,096th parts (§6.2, method 3: what one process makes one after the other stays in that order), and 62
    random bits."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    part = nanoseconds * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | part << 64 | 0b10 << 62 | random)


def first_id(moment: datetime) -> uuid.UUID:
    """Not greater than any id that is made from this moment on: a time as a place in a list of ids."""
    return uuid.UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)
