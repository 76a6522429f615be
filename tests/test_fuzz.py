"""Requests that a machine makes of the published schema, sent to the whole application with a real key: whatever comes, the
answer is one that is published, and none is a 5xx.

`make test` sends a few with a fixed seed; `make fuzz` sends them for as long as it is told, from a seed that it prints.
"""

import copy
import os
import time
from itertools import count

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from config.wsgi import application
from projects.models import ApiKey, Scope
from tests.cast import REFUND
from tests.neighbours import WORDS, ids_of
from wire.openapi import document

SEED = int(os.environ.get("SEED", "20261123"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))  # for each operation; 0: a few examples
EXAMPLES = 50 if SECONDS else 6
OPERATIONS = sorted((method, path) for path, methods in document()["paths"].items() for method in methods)
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def primed(names: dict[str, str]) -> dict:
    """The schema, in which the names and the definition of what there is are known, so that requests get behind the door."""
    known = copy.deepcopy(document())
    known_names = {kind.partition(":")[2]: name for kind, name in {**WORDS, **names}.items()}
    for methods in known["paths"].values():
        for operation in methods.values():
            del operation["security"]  # the key is there: requests without one are tests of their own
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["schema"] = {"enum": [known_names[parameter["name"]]]}
    for model in ("NewWorkflow", "NewVersion"):
        properties = known["components"]["schemas"][model]["properties"]
        properties["definition"] = {"anyOf": [{"const": REFUND}, properties["definition"]]}
    return known


@pytest.fixture
def in_one_transaction(foreign):
    """The end of a request would close the connection of the test, as Django's own test client knows: it connects the signal
    again, so what it is needed for comes first."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("in_one_transaction")
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_it_is_published(method, path, foreign):
    _, token = ApiKey.objects.issue(foreign.project, list(Scope.values))
    schema = schemathesis.openapi.from_dict(primed(ids_of(foreign)))
    schema.app = application
    until, operation = time.monotonic() + SECONDS, document()["paths"][path][method]
    # Where nothing can be said, nothing wrong can be said either.
    modes = list(GenerationMode) if {"parameters", "requestBody"} & operation.keys() else [GenerationMode.POSITIVE]
    for number in count(SEED):
        for mode in modes:
            ask(schema[path][method].as_strategy(generation_mode=mode), token, number)
        if time.monotonic() >= until:
            break


def ask(cases: SearchStrategy, token: str, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def asked(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    asked()
