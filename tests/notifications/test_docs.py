"""docs/webhooks.md says what is true: its snippet verifies what we send, and its table names what is told."""

import json
import re
import time

import pytest

from notifications import history
from notifications.models import TEST, Delivery, Type
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.test_docs import DOCS, blocks, named, section

from .conftest import listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

WEBHOOKS = DOCS / "webhooks.md"


@pytest.fixture
def verify():
    found: dict = {}
    (snippet,) = blocks(section(WEBHOOKS, "Signatures"), "python")
    exec(compile(snippet, "webhooks.md", "exec"), found)
    return found["verify"]


@pytest.fixture
def heard(receiver):
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    listen(workflow.project, receiver)
    execute(workflow)
    rounds()
    return receiver.heard[0]


@pytest.mark.runs("docs/webhooks.md", "python", "Signatures")
def test_the_snippet_takes_what_we_send(verify, heard, receiver):
    verify(receiver.secret, heard.headers, heard.body)


@pytest.mark.parametrize(
    "broken",
    [
        lambda secret, headers, body: ("whsec_" + "A" * 32, headers, body),
        lambda secret, headers, body: (secret, headers, body + b" "),
        lambda secret, headers, body: (secret, headers, json.dumps(json.loads(body)).encode()),
        lambda secret, headers, body: (secret, {**headers, "webhook-id": "another"}, body),
        lambda secret, headers, body: (secret, {**headers, "webhook-timestamp": str(int(time.time()) + 1)}, body),
        lambda secret, headers, body: (secret, {**headers, "webhook-signature": "v1,"}, body),
        lambda secret, headers, body: (secret, {**headers, "webhook-signature": ""}, body),
    ],
)
def test_the_snippet_refuses_what_we_did_not(verify, heard, receiver, broken):
    with pytest.raises(ValueError, match="not signed"):
        verify(*broken(receiver.secret, heard.headers, heard.body))


def test_the_snippet_refuses_one_that_was_recorded(verify, heard, receiver, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 400)
    with pytest.raises(ValueError, match="too old"):
        verify(receiver.secret, heard.headers, heard.body)


def test_the_snippet_takes_either_secret_while_one_is_rotated(verify, receiver):
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    endpoint = listen(workflow.project, receiver)
    old, new = receiver.secret, endpoint.rotate("alice").text
    execute(workflow)
    rounds()
    for secret in (old, new):
        verify(secret, receiver.heard[0].headers, receiver.heard[0].body)


def test_the_table_names_what_is_told():
    assert named(section(WEBHOOKS, "What is told"), "type") == {*Type.values, TEST}


@pytest.mark.runs("docs/webhooks.md", "json", "What is told")
def test_the_example_has_the_form_of_what_is_sent():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    workflow = make_workflow()
    listen(workflow.project)
    execute(workflow)
    history.collect()
    (shown,) = [json.loads(block) for block in blocks(section(WEBHOOKS, "What is told"), "json")]
    came = json.loads(Delivery.objects.get().body)
    assert list(shown) == list(came)
    assert list(shown["data"]) == list(came["data"])
    assert re.fullmatch(r"https?://[^/]+/api/v1/flags/[0-9a-f-]{36}", came["data"]["url"])
