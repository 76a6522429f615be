"""`GET reconciliation` and the page of an import: whether the ledger is what the providers say."""

from datetime import date, timedelta

import pytest

from analytics.usage import export, imports
from analytics.usage.models import UsageImport
from gateway.types import Usage
from projects.models import ApiKey
from tests.cast import make_project, member

from .ledgers import HAIKU, NOON, make_call, make_doubted_call
from .test_usage import ANTHROPIC, calls, execution, make_all_calls, workflow  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def imported(workflow):  # noqa: F811
    return imports.keep(workflow.project, "anthropic", export.read(ANTHROPIC), "user:rosa")[0]


def ask(client, project, query=""):
    _, key = ApiKey.objects.issue(project, ["read"])
    return client.get(f"/api/v1/reconciliation{query}", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.usefixtures("calls")
def test_it_says_that_all_days_agree(imported, client):
    came = ask(client, imported.project)
    assert came.status_code == 200
    (one,) = came.json()["providers"]
    assert one.pop("imports")[0]["sha256"] == imported.sha256
    assert one == {
        "provider": "anthropic",
        "first_day": "2026-11-16",
        "last_day": "2026-11-17",
        "days": 2,
        "agrees": True,
        "agreed_until": "2026-11-17",
        "differences": 0,
        "tokens": {
            "ledger": {"input": 3200, "cache_read": 3000, "cache_write": 500, "output": 700},
            "provider": {"input": 3200, "cache_read": 3000, "cache_write": 500, "output": 700},
        },
        "lines": [],
        "costs": [],
        "in_doubt": [],
        "explanations": [],
    }


@pytest.mark.usefixtures("calls")
def test_it_says_what_differs_as_the_ledger_is_now(imported, execution, client):  # noqa: F811
    make_call(execution, HAIKU, Usage(input=7), at=NOON + timedelta(days=1))
    make_doubted_call(execution, 5_000_000_000)
    (one,) = ask(client, imported.project).json()["providers"]
    assert (one["agrees"], one["agreed_until"], one["differences"]) == (False, "2026-11-16", 1)
    assert one["lines"] == [
        {
            "day": "2026-11-17",
            "model": "claude-haiku-4-5-20251001",
            "state": "ledger_only",
            "ledger": {"input": 7, "cache_read": 0, "cache_write": 0, "output": 0},
            "provider": None,
            "difference": {"input": 7, "cache_read": 0, "cache_write": 0, "output": 0},
        }
    ]
    assert one["in_doubt"] == [
        {"day": "2026-11-16", "model": "claude-haiku-4-5", "calls": 1, "upper_bound": "0.005"},
    ]
    assert one["explanations"] == [
        "2026-11-16 claude-haiku-4-5: 1 call in doubt, at most 0.005 USD, in no figure of the ledger above"
    ]


@pytest.mark.usefixtures("calls")
def test_the_days_and_the_provider_are_chosen(imported, client):
    (one,) = ask(client, imported.project, "?since=2026-11-17&until=2026-11-18").json()["providers"]
    assert (one["first_day"], one["days"], one["agrees"]) == ("2026-11-17", 1, True)
    (one,) = ask(client, imported.project, "?provider=anthropic&until=2026-11-16").json()["providers"]
    assert (one["first_day"], one["days"], one["agrees"], one["agreed_until"]) == (None, 0, None, None)
    assert ask(client, imported.project, "?provider=openai").json() == {"currency": "USD", "providers": []}
    assert ask(client, imported.project, "?since=2026-11-17&until=2026-11-17").status_code == 400


def test_more_than_a_quarter_is_refused(imported, client):
    first = date(2026, 1, 1)
    days = [(first + timedelta(days=number)).isoformat() for number in range(93)]
    more = {"kind": "tokens", "sha256": "0" * 64, "first_day": days[0], "last_day": days[-1], "days": days}
    UsageImport.objects.create(project=imported.project, provider="anthropic", imported_by="user:rosa", **more)
    came = ask(client, imported.project, "?since=2026-01-01")
    assert came.status_code == 400
    assert came.json()["detail"] == "At most 92 days are compared at once: say since and until."
    assert ask(client, imported.project).json()["providers"][0]["days"] == 2


def test_the_page_of_an_import_says_what_differs(imported, execution):  # noqa: F811
    make_all_calls(execution, but=2)
    page = member(imported.project).get(f"/admin/analytics/usageimport/{imported.pk}/change/").content.decode()
    assert "1 difference; they differ from the first day on" in page
    assert "input 400 against 1000 (-600), output 0 against 200 (-200)" in page
    assert imported.sha256 in page


def test_an_import_is_its_projects_alone(imported):
    stranger = member(make_project("bob"))
    assert stranger.get(f"/admin/analytics/usageimport/{imported.pk}/change/").status_code == 404
    assert imported.sha256 not in stranger.get("/admin/analytics/usageimport/").content.decode()


def test_nothing_is_added_or_changed_on_the_page(imported):
    owner = member(imported.project, "owner")
    here = f"/admin/analytics/usageimport/{imported.pk}/change/"
    assert owner.post(here, {"sha256": "x"}).status_code == 403
    assert owner.get("/admin/analytics/usageimport/add/").status_code == 403
    assert UsageImport.objects.get().sha256 == imported.sha256
