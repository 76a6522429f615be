"""What stands at every address there is, beside `test_door.py`: all of it is asked of one project in which everything has
happened that can."""

import json

import pytest
from django.test import Client

from executions.models import Execution
from projects.models import ApiKey, Scope
from tests.neighbours import BODIES, CALLS, client_of, filled, ids_of
from tests.test_rest import problem

JSON = "application/json"
NOBODY_SAYS = {
    "id": "1",
    "status": "completed",
    "cost": "0.00",
    "project": 1,
    "created_by": "rosa",
    "state": "published",
}


@pytest.mark.parametrize(("method", "pattern"), [call for call in CALLS if call[0] in ("POST", "PUT")])
def test_no_body_says_what_only_we_may_say(method, pattern, foreign):
    """Refused and named, whatever else is in it, at every address there is."""
    client, before = client_of(foreign.project, *Scope.values), list(Execution.objects.order_by("pk").values())
    saying = NOBODY_SAYS.keys() - BODIES[method, pattern].keys()  # of what ran elsewhere a report says the status
    body = {**BODIES[method, pattern], **{key: NOBODY_SAYS[key] for key in saying}}
    found = problem(client.generic(method, filled(pattern, ids_of(foreign)), json.dumps(body), JSON), 422)
    unknown = {one["pointer"] for one in found["errors"] if one["detail"] == "Unknown key."}
    assert unknown == {f"/{key}" for key in saying}
    assert list(Execution.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(("method", "pattern"), CALLS)
def test_a_key_in_the_query_opens_no_address(method, pattern, foreign):
    _, token = ApiKey.objects.issue(foreign.project, list(Scope.values))
    path = filled(pattern, ids_of(foreign))
    for name in ("key", "api_key", "access_token", "Authorization"):
        response = Client().generic(method, f"{path}?{name}={token}", "{}", JSON)
        assert token not in json.dumps(problem(response, 401))
