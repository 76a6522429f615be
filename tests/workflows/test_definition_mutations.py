"""Real definitions with faults put into them, anywhere: whatever becomes of one, it is read or refused, and soon.

`DEFINITIONS` names a folder with more of them, as YAML; `FUZZ_SECONDS` and `SEED` are those of `make fuzz`.
"""

import copy
import json
import os
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml
from django.conf import settings as project
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from wire import strict_json
from wire.problems import Invalid, Problem
from workflows.parsing import content_hash, parse, warnings

SEED = int(os.environ.get("SEED", "20261123"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
SOON = 10  # seconds of this thread, on a machine that does other things too
FOLDER = os.environ.get("DEFINITIONS", "")
DEMO = json.loads((project.BASE / "demo" / "content" / "definition.json").read_text(encoding="utf-8"))
REAL = {"demo": DEMO} | {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in (sorted(Path(FOLDER).glob("*.yaml")) if FOLDER else ())
}

Place = tuple[str | int, ...]

# Pieces that mean something to one of the languages in a definition: JSON Schema, Jinja2, Python.
# fmt: off
PIECES = st.sampled_from([
    "{{", "}}", "{%", "%}", "{#", "input", "steps['", "']", "(", ")", "[", ".", "__class__", "lambda:", "\n", "\t", "'",
    '"', "\\", "\x00", "\ud800", "**", "9" * 400, "1e999", "def run(", "import os", "$ref", "#", "é", "𝒊", "\u202e",
])
# fmt: on
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | PIECES
ODD = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(PIECES, one, max_size=3), max_leaves=8
)


def places(value: object, path: Place = ()) -> Iterator[Place]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, document: dict) -> object:
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(st.sampled_from([path for path in places(document) if path] or [("title",)]))
        parent = document
        for key in above:
            parent = parent[key]
        draw(st.sampled_from([replaced, removed, elsewhere, spoilt]))(draw, document, parent, last)
    return document


def replaced(draw: st.DrawFn, document: dict, parent: dict | list, key: str | int) -> None:
    parent[key] = draw(ODD)


def removed(draw: st.DrawFn, document: dict, parent: dict | list, key: str | int) -> None:
    parent.pop(key, None) if isinstance(parent, dict) else parent.pop(key)


def elsewhere(draw: st.DrawFn, document: dict, parent: dict | list, key: str | int) -> None:
    """What stands in another place, a part of the document in itself too."""
    found = document
    for one in draw(st.sampled_from(list(places(document)))):
        found = found[one]
    parent[key] = copy.deepcopy(found)


def spoilt(draw: st.DrawFn, document: dict, parent: dict | list, key: str | int) -> None:
    """A text with a piece in it, or without one of its own."""
    text = parent.get(key) if isinstance(parent, dict) else parent[key]
    if not isinstance(text, str):
        parent[key] = draw(PIECES)
        return
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    parent[key] = text[:begin] + draw(PIECES | st.just("")) + text[draw(st.sampled_from([begin, end])) :]


def read(document: object) -> None:
    began = time.thread_time()
    try:
        definition = parse(document, {})
        warnings(definition)
        content_hash(document)
    except Invalid as problem:
        assert problem.faults
    assert time.thread_time() - began < SOON


def test_any_text_is_a_document_or_a_problem():
    """Bytes that fell out, came in or changed places, before anything is a definition."""
    text = json.dumps(DEMO).encode()

    @seed(SEED)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(text)), st.integers(0, 40), st.binary(max_size=8))
    def asked(begin: int, length: int, piece: bytes) -> None:
        try:
            document = strict_json.loads(text[:begin] + piece + text[begin + length :])
        except Problem:
            return
        read(document)

    asked()


@pytest.mark.skipif(not FOLDER, reason="DEFINITIONS names no folder with further definitions")
def test_the_folder_has_definitions():
    assert len(REAL) > 1


@pytest.mark.parametrize("name", REAL)
def test_a_real_definition_with_faults_is_read_or_refused(name):
    until = time.monotonic() + SECONDS
    for number in count(SEED):

        @seed(number)
        @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(mutated(REAL[name]))
        def asked(document: object) -> None:
            read(document)

        asked()
        if time.monotonic() >= until:
            break
