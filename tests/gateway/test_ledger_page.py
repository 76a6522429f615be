"""The ledger in the admin is searched by ids through their indexes."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gateway.models import Call
from tests.cast import envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa"))
    return client


@pytest.mark.parametrize("kind", ["call", "intent"])
def test_a_row_is_found_by_its_id_and_by_its_executions(operator, kind):
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow())
    execute(execution.workflow, "another refund")
    call = Call.objects.get(execution=execution.pk)
    for wanted in (execution.pk, call.pk if kind == "call" else call.intent_id):
        with CaptureQueriesContext(connection) as queries:
            page = operator.get(f"/admin/gateway/{kind}/?q={wanted}").content.decode()
        assert f"1 {'model call' if kind == 'call' else 'intent'}" in page
        searched = [one["sql"] for one in queries if f'FROM "gateway_{kind}"' in one["sql"]]
        assert searched
        assert not [one for one in searched if "::text" in one or "UPPER" in one]
    assert (
        f"0 {'model calls' if kind == 'call' else 'intents'}"
        in operator.get(f"/admin/gateway/{kind}/?q=nothing").content.decode()
    )
