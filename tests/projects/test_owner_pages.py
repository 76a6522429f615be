"""The pages with which an owner looks after a project: keys, budgets, providers, limits and the tier map. Each list says what to
do where it is empty, and asks no question for each of its rows."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.models import Execution
from gateway.models import Limit
from projects.models import ApiKey, Membership, Project, Provider
from tests.cast import make_project, make_workflow
from workflows.models import Budget

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Project:
    return make_project("shop")


def signed_in(project: Project | None = None, role: str = "owner") -> Client:
    account = get_user_model().objects.create_user("rosa", is_staff=True, is_superuser=project is None)
    if project:
        Membership.objects.create(project=project, account=account, role=role)
    client = Client()
    client.force_login(account)
    return client


def page(client: Client, path: str, **query: str) -> str:
    came = client.get(f"/admin/{path}/", query)
    assert came.status_code == 200
    return came.content.decode()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("projects/apikey", "manage.py create_api_key --project NAME"),
        ("projects/provider", "Its key stands in the environment"),
        ("projects/project", "make it with its first key"),
        ("workflows/budget", "Add one for the project"),
        ("gateway/limit", "Add what your contract with a provider allows"),
        ("gateway/ownprice", "shows them beside each other"),
    ],
)
def test_an_empty_list_says_what_to_do_next(path, says):
    client = signed_in()
    assert says in page(client, path)
    if path == "projects/apikey":
        assert says not in page(client, path, state="revoked")


def test_an_audit_without_events_says_so(shop):
    assert "Nothing was done yet" in page(signed_in(shop), "projects/auditevent")


def test_who_may_not_add_is_not_told_to(shop):
    text = page(signed_in(shop, "viewer"), "workflows/budget")
    assert "Add one for the project" not in text
    assert "There are no budgets here." in text


@pytest.mark.parametrize("path", ["projects/apikey", "projects/provider", "projects/project", "workflows/budget"])
def test_a_list_asks_no_question_for_each_row(path, shop):
    def one_more(number: int) -> None:
        project = make_project(f"shop-{number}")
        ApiKey.objects.issue(project, ["read"])
        Provider.objects.create(
            project=project, name=f"own-{number}", protocol="openai", base_url="https://a.example/v1"
        )
        Budget.objects.create(project=project, period="month", cap=10**12)

    client = signed_in()
    one_more(1)
    page(client, path)
    with CaptureQueriesContext(connection) as few:
        page(client, path)
    for number in range(2, 6):
        one_more(number)
    with CaptureQueriesContext(connection) as many:
        page(client, path)
    assert len(few) == len(many)


# Keys.


def test_a_key_is_made_shown_once_and_opens(shop):
    client = signed_in(shop)
    form = page(client, "projects/apikey/add")
    assert "review: resolve flags" in form
    data = {"project": shop.pk, "name": "nightly", "scopes": ["read", "review"]}
    shown = client.post("/admin/projects/apikey/add/", data).content.decode()
    key = ApiKey.objects.get()
    token = shown.partition('<pre class="value">')[2].partition("</pre>")[0]
    assert token.startswith(f"wm_{key.prefix}_")
    assert (key.name, key.scopes, key.project) == ("nightly", ["read", "review"], shop)
    assert Client(headers={"Authorization": f"Bearer {token}"}).get("/api/v1/flags").status_code == 200
    text = page(client, "projects/apikey") + page(client, f"projects/apikey/{key.pk}/change")
    assert token not in text
    assert key.digest not in text
    assert "nightly" in text


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"scopes": []}, "This field is required."),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "This moment has passed"),
    ],
)
def test_what_is_wrong_with_a_key_is_said(said, sentence, shop):
    data = {"project": shop.pk, "scopes": ["read"], **said}
    assert sentence in signed_in(shop).post("/admin/projects/apikey/add/", data).content.decode()
    assert not ApiKey.objects.exists()


def test_no_key_is_made_for_another_project(shop):
    other = make_project("elsewhere")
    client = signed_in(shop)
    client.post("/admin/projects/apikey/add/", {"project": other.pk, "scopes": ["read"]})
    assert not ApiKey.objects.exists()
    assert "elsewhere" not in page(client, "projects/apikey/add")


def test_revoking_asks_first_and_names_what_stops(shop):
    client = signed_in(shop)
    key, _ = ApiKey.objects.issue(shop, ["read"], name="nightly")
    chosen = {"action": "revoke", "_selected_action": str(key.pk)}
    asked = client.post("/admin/projects/apikey/", chosen).content.decode()
    assert "nightly" in asked
    assert "never used" in asked
    key.refresh_from_db()
    assert key.is_alive
    client.post("/admin/projects/apikey/", {**chosen, "post": "yes"})
    key.refresh_from_db()
    assert not key.is_alive
    assert "revoked already" in client.post("/admin/projects/apikey/", chosen, follow=True).content.decode()


def test_keys_are_filtered_by_what_they_open(shop):
    living, _ = ApiKey.objects.issue(shop, ["read"])
    expired, _ = ApiKey.objects.issue(shop, ["read"], expires_at=timezone.now())
    revoked, _ = ApiKey.objects.issue(shop, ["read"], revoked_at=timezone.now())
    client = signed_in(shop)
    for state, key in (("opens", living), ("expired", expired), ("revoked", revoked)):
        text = page(client, "projects/apikey", state=state)
        assert [one.prefix for one in (living, expired, revoked) if one.prefix in text] == [key.prefix]


# Budgets.


def test_a_budget_says_how_much_is_spent_and_what_waits(shop):
    workflow = make_workflow(project=shop)
    budget = Budget.objects.create(project=shop, workflow=workflow, period="month", cap=4 * 10**12)
    Budget.objects.create(project=shop, period="total", cap=0)
    first = budget.begins(timezone.now())
    budget.spent.create(begins=first, simulated=True, amount=10**12)
    budget.reservations.create(intent="0190a000-0000-7000-8000-000000000000", simulated=True, amount=10**12)
    said = {"status": "waiting", "waiting_for": "budget", "tier_map": {}, "input": {}}
    for _ in range(2):
        Execution.objects.create(project=shop, workflow=workflow, version=workflow.live.version, **said)
    client = signed_in(shop)
    text = page(client, "workflows/budget")
    assert '<meter class="used" min="0" max="100" value="50" aria-hidden="true"></meter>' in text
    assert "50%: 1.00 USD, and 1.00 reserved for calls in flight" in text
    assert "0%: 0.00 USD" in text
    assert text.count("2 executions</a>") == 2
    assert "2 executions</a>" in page(client, f"workflows/budget/{budget.pk}/change")
    where = text.partition("waiting_for=budget")[2].partition('"')[0].replace("&amp;", "&")
    assert client.get(f"/admin/executions/execution/?waiting_for=budget{where}").status_code == 200


# Providers, limits, the tier map.


def test_a_provider_says_what_it_is_used_for(shop):
    provider = Provider.objects.create(project=shop, name="gemini", protocol="openai", base_url="https://a.example/v1")
    shop.tiers.filter(tier="cheap").update(provider="gemini", model="gemini-2.5-flash")
    client = signed_in(shop)
    assert "cheap (gemini-2.5-flash)" in page(client, "projects/provider")
    text = page(client, f"projects/provider/{provider.pk}/change")
    assert "none: the endpoint wants no key" in text
    assert "none</div>" in text.partition("Published workflows")[2]


def test_a_provider_names_the_workflows_that_were_published_with_it(shop):
    provider = Provider.objects.create(project=shop, name="played", protocol="scripted")
    shop.tiers.update(provider="played")
    make_workflow(project=shop)
    shop.tiers.update(provider="scripted")
    text = page(signed_in(shop), f"projects/provider/{provider.pk}/change")
    assert "refund" in text
    assert "no tier" in text
    assert "none: it asks nobody" in text


def test_the_list_of_providers_tells_of_the_keys_that_every_project_has(shop, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-key-itself")
    text = page(signed_in(shop), "projects/provider")
    assert "ANTHROPIC_API_KEY is set here and OPENAI_API_KEY is not set here" in text
    assert "the-key-itself" not in text


def test_limits_say_what_has_none():
    Limit.objects.create(provider="openai", concurrent=1200)
    text = page(signed_in(), "gateway/limit")
    assert "each that has no limit of its own" in text
    assert "1,200" in text
    assert "no limit" in text


def test_projects_show_their_tier_map_and_lead_to_its_prices(shop):
    client = signed_in(shop)
    text = page(client, "projects/project")
    assert "cheap: scripted:claude-haiku-5-5<br>standard: scripted:claude-sonnet-5-5" in text
    change = page(client, f"projects/project/{shop.pk}/change")
    assert f"in-force/?project={shop.pk}&amp;provider=scripted&amp;model=claude-haiku-5-5" in change
    assert "from the next publication on" in change.lower()
