"""Ids that grow with time (UUID version 7, RFC 9562 §5.7): index-friendly, unguessable, opaque outside."""

import os
import time
import uuid
from datetime import datetime


def new_id() -> uuid.UUID:
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return uuid.UUID(int=value)


def first_id(moment: datetime) -> uuid.UUID:
    """Not greater than any id that is made from this moment on: a time as a place in a list of ids."""
    return uuid.UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)
