"""The projects of an account, each with its sentence."""

import pytest
from django.contrib.auth import get_user_model

from projects.models import Membership, Project
from tests.analytics.ledgers import HAIKU, REAL, SHORT, make_answer, make_execution, make_measured_workflow
from tests.cast import make_project, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosa():
    """A member of `alice`, in which something was saved, and of `bob`, in which nothing was executed; not of `carol`."""
    alice = make_project("alice", REAL)
    make_answer(make_execution(make_measured_workflow(project=alice)), HAIKU, SHORT)
    rosa = member(alice)
    for name in ("bob", "carol"):
        make_project(name)
    join(rosa, "bob")
    return rosa


def join(client, name: str) -> None:
    account = get_user_model().objects.get(pk=client.session["_auth_user_id"])
    Membership.objects.create(account=account, project=Project.objects.get(name=name), role="viewer")


def test_each_project_has_its_sentence(rosa):
    said = rosa.get("/reports/").content.decode()
    assert "Saved 80.0% of 0.010 USD, n = 1, repriced warm, estimated, unproven." in said
    assert '<a href="/reports/bob/">bob</a>' in said
    assert "Nothing was executed in it yet." in said
    assert "carol" not in said


def test_there_are_five_on_a_page_and_no_query_more_for_a_hundred(rosa, django_assert_max_num_queries):
    for number in range(9):
        make_project(f"p{number}")
        join(rosa, f"p{number}")
    with django_assert_max_num_queries(110):
        first = rosa.get("/reports/").content.decode()
    second = rosa.get("/reports/?page=2").content.decode()
    assert "1–5 of 11 projects" in first
    assert '<a href="/reports/p2/">p2</a>' in first
    assert '<a href="/reports/p3/">p3</a>' in second


def test_a_page_that_there_is_not_is_the_last_one(rosa):
    assert rosa.get("/reports/?page=99").status_code == 200
    assert rosa.get("/reports/?page=x").status_code == 200
