"""What the tests of both protocols lean on: see `sides`."""

from collections.abc import Iterator

import pytest

from tests.gateway.sides import ANSWER, KEY, SIDES, Side
from tests.model_server import ModelServer
from tests.waiting import Waiting


@pytest.fixture(params=SIDES)
def side(request) -> Side:
    return SIDES[request.param]


@pytest.fixture
def server(side) -> Iterator[ModelServer]:
    with side.server(lambda request: ANSWER) as running:
        yield running


@pytest.fixture
def provider(side, server) -> Iterator[Waiting]:
    made = Waiting(side.provider(KEY, server.url, connect_timeout=3.0, read_timeout=1.0))
    yield made
    made.close()
