"""Calls that others recorded of the real providers, where they lie beside this checkout; they are never copied into it."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / "shared" / "data" / "provider_payloads.jsonl.gz"
needs_them = pytest.mark.skipif(not FILE.exists(), reason="the recorded provider payloads are not beside this checkout")


def recorded_calls() -> Iterator[dict[str, Any]]:
    """`endpoint`, `status`, `request` and `response` of each; a stream of events stands under `_sse` as its text."""
    with gzip.open(FILE, "rt") as lines:
        yield from map(json.loads, lines)


def body_of(call: dict[str, Any]) -> bytes:
    """As it was on the wire."""
    response = call["response"]
    if isinstance(response, dict) and "_sse" in response:
        return response["_sse"].encode()
    return json.dumps(response).encode()
