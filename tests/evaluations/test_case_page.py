"""Cases in the admin: the list, the page of one, and who may confirm and retire."""

import pytest

from evaluations import cases
from evaluations.models import Case
from projects.models import AuditEvent
from tests.cast import make_workflow, member

pytestmark = pytest.mark.django_db

LIST = "/admin/evaluations/case/"


@pytest.fixture
def workflow():
    return make_workflow()


@pytest.fixture
def proposed(workflow):
    said = {"message": "<b>a refund</b>"}
    return cases.add(workflow, cases.NewCase("covered", said, {"kind": "refund"}, tags=["de"], proposed=True), "user:x")


def act(client, action: str, *rows: Case) -> str:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(LIST, data, follow=True).content.decode()


def test_the_list_and_the_page_show_a_case_escaped(workflow, proposed):
    client = member(workflow.project, "viewer")
    listed = client.get(LIST).content.decode()
    assert "&lt;b&gt;a refund&lt;/b&gt;" in listed
    page = client.get(f"{LIST}{proposed.pk}/change/").content.decode()
    for said in ("&lt;b&gt;a refund", "What should come of it", "refund", "proposed", proposed.content_hash, ">de<"):
        assert said in page
    assert "<b>a refund" not in listed + page


def test_a_reviewer_confirms_and_does_not_retire(workflow, proposed):
    client = member(workflow.project, "reviewer")
    assert "1 confirmed." in act(client, "confirm", proposed)
    proposed.refresh_from_db()
    assert (proposed.state, proposed.decided_by) == ("confirmed", "user:rosa")
    act(client, "retire", proposed)
    proposed.refresh_from_db()
    assert proposed.state == "confirmed"
    assert AuditEvent.objects.filter(kind="case", actor="user:rosa").count() == 1


def test_a_designer_retires_and_what_cannot_be_is_said(workflow, proposed):
    client = member(workflow.project, "designer")
    assert "1 retired." in act(client, "retire", proposed)
    assert "Only a case that is proposed can be confirmed. It is retired." in act(client, "confirm", proposed)


def test_a_viewer_decides_nothing(workflow, proposed):
    client = member(workflow.project, "viewer")
    for action in ("confirm", "retire"):
        act(client, action, proposed)
    proposed.refresh_from_db()
    assert proposed.state == "proposed"
