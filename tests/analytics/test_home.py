"""The first page of the admin: what waits, what it costs, and what to do next, of the projects that the account may see."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from designs import grouping
from designs.models import Design
from executions import worker
from executions.models import Execution, Worker
from projects.models import ApiKey, Project
from tests import neighbours as cast
from tests.cast import envelope, execute, make_project, make_workflow, member, models_answer
from tests.designs.designed import begin
from tests.designs.flagged import flagged
from tests.neighbours import CANARY
from workflows.models import Budget

pytestmark = pytest.mark.django_db


def home(client, page=1):
    """Its text, without elements."""
    answer = client.get(f"/admin/?page={page}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode()))


def test_it_shows_what_waits_and_where():
    workflow = make_workflow()
    models_answer({"user": "moon", "text": envelope(status="uncovered", uncovered="The moon.")}, {"error": "rejected"})
    execute(workflow, "the moon")
    execute(workflow, "something else")
    parked = execute(workflow, "the moon again")
    Execution.objects.filter(pk=parked.pk).update(status="waiting", waiting_for="budget")
    client = member(project=workflow.project)
    page = home(client)
    assert "1 escalated: a person has to decide" in page
    assert "2 open flags; 2 of them hold an execution up" in page
    assert "1 parked: a budget has no room" in page
    assert "1 failed in the last 24 hours" in page
    links = re.findall(r'href="(/admin/executions/execution/\?[^"]*)"', client.get("/admin/").content.decode())
    for link in links:
        assert "1 execution" in client.get(link.replace("&amp;", "&")).content.decode(), link
    assert len(links) == 3


def test_it_shows_the_gaps_that_wait_for_a_redesign_and_what_is_designed():
    workflow = make_workflow()
    for message in ("refund my voucher", "refund my voucher again", "Where is my lamp?"):
        flagged(workflow, message, explanation=message)
    grouping.gather(workflow)
    begin(workflow.project, "first")
    Design.objects.filter(pk=begin(workflow.project, "second").pk).update(status="waiting")
    client = member(project=workflow.project)
    page = home(client)
    assert "2 groups of open flags: a redesign could close each" in page
    assert "1 waiting in the middle of a design: its budget has no room needs a person" in page
    assert "1 being designed or redesigned by the frontier" in page
    links = re.findall(r'href="(/admin/designs/design/\?[^"]*)"', client.get("/admin/").content.decode())
    assert len(links) == 2
    for link in links:
        assert "1 design" in client.get(link.replace("&amp;", "&")).content.decode(), link


def test_what_failed_long_ago_does_not_wait():
    workflow = make_workflow()
    models_answer({"error": "rejected"})
    execute(workflow)
    Execution.objects.update(finished_at=timezone.now() - timezone.timedelta(days=2))
    assert "failed in the last" not in home(member(project=workflow.project))


def test_it_says_what_this_month_cost_with_its_labels():
    workflow = make_workflow()
    models_answer({"text": envelope({"kind": "refund"})})
    execute(workflow)
    Budget.objects.create(project=workflow.project, period="month", cap=10**12, stated_by="rosa")
    page = home(member(project=workflow.project))
    assert "1 execution completed." in page
    assert re.search(r" alice (Saved|Cost) 0\.[0-9]+ USD .* to date .*estimated\. simulated ", page)
    assert "the same tokens on scripted:claude-opus-5-5, with a warm cache." in page
    assert "simulated scripted models answered: a story, and no evidence" in page
    assert "unproven 1 of 1 workflow has no evaluation behind what is live" in page
    assert "The budget of the project per month : " in page
    assert "of 1.00 USD: 0%" in page


def test_a_call_without_a_price_makes_it_incomplete():
    workflow = make_workflow()
    workflow.project.tiers.filter(tier="cheap").update(model="nobodys-model")
    workflow.live.version.publish("alice")
    workflow.refresh_from_db()
    models_answer({"text": envelope({"kind": "refund"})})
    execute(workflow)
    page = home(member(project=workflow.project))
    assert "incomplete 1 call has no price" in page
    assert "What it saved is not known" in page


def test_it_says_what_to_do_first_and_then_no_more():
    project = make_project()
    client = member(project=project, role="owner")
    assert (
        "1 Create an API key On the command line: manage.py create_api_key --project alice 2 Store a workflow"
        in home(client)
    )
    ApiKey.objects.issue(project, ["read"])
    assert "done Create an API key 2 Store a workflow" in home(client)
    workflow = make_workflow(project=project)
    assert "done Publish a version of it 4 Execute it" in home(client)
    models_answer({"text": envelope({"kind": "refund"})})
    execute(workflow)
    assert "What to do next" not in home(client)
    ApiKey.objects.update(revoked_at=timezone.now())
    assert "What to do next" not in home(client)


def test_without_a_worker_it_says_how_to_start_one():
    client = member(project=make_project())
    assert "No worker is alive: what is accepted waits." in home(client)
    worker.current()
    assert Worker.objects.alive().count() == 1
    page = home(client)
    assert "1 worker alive." in page
    assert "No worker is alive" not in page


def test_who_belongs_to_no_project_is_told_so():
    make_project()
    page = home(member())
    assert "You belong to no project yet." in page
    assert "alice" not in page


def test_an_installation_without_a_project_says_how_to_make_one():
    assert "create_api_key --project NAME" in home(member(is_superuser=True))


def test_nothing_of_another_project_is_on_it():
    both = cast.neighbours()
    page = member(project=both.own.project, role="owner").get("/admin/").content.decode()
    assert "mallory" in page
    assert CANARY not in page


def test_many_projects_take_no_more_queries_than_five():
    counts = []
    client = member(is_superuser=True)
    for number in range(1, 13):
        project = make_project(f"p{number:02}")
        Budget.objects.create(project=project, period="month", cap=10**12)
        if number in (5, 12):
            with CaptureQueriesContext(connection) as queries:
                page = home(client)
            counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "Projects, page 1 of 3" in page
    assert "p05" in page
    assert "p06" not in page
    assert "p12" in home(client, 3)
    assert "p12" in home(client, 99)
    assert "p01" in home(client, "nothing")


def test_each_project_takes_as_many_queries_as_the_next():
    workflow = make_workflow()
    models_answer({"text": envelope({"kind": "refund"})})
    counts, client = [], member(is_superuser=True)
    for number in range(3):
        for _ in range(4**number):
            execute(workflow)
        with CaptureQueriesContext(connection) as queries:
            home(client)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]


def test_what_there_is_stands_by_what_people_come_for():
    page = home(member(is_superuser=True)).rpartition("All lists")[2]
    groups = [
        page.index(word) for word in ("Work ", " Executions ", " Money ", " Budgets ", " Projects ", " Installation ")
    ]
    assert groups == sorted(groups)
    assert "Groups" not in page.replace("Groups of flags", "")  # those of Django give no right here
    assert Project.objects.count() == 0


def test_a_kind_that_no_group_names_stands_behind_them(monkeypatch):
    monkeypatch.setattr("analytics.site.GROUPS", {"Work": {"executions.Execution": "Executions"}})
    page = home(member(is_superuser=True))
    assert page.index(" Executions ") < page.index(" Budgets ")
