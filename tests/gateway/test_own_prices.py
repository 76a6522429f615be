"""A project's prices: those in force beside each other, through the API and in the admin, and its own, which it states from a
day on and never into the past."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from gateway import pricing
from gateway.models import Call, OwnPrice
from projects.models import Scope
from tests.cast import envelope, execute, make_project, make_workflow, member, models_answer
from tests.neighbours import client_of

pytestmark = pytest.mark.django_db

HAIKU, OPUS = "claude-haiku-5-5", "claude-opus-5-5"


@pytest.fixture
def shop():
    return make_project("shop")


@pytest.fixture
def owner(shop):
    return client_of(shop, Scope.ADMIN)


def today(days: int = 0) -> str:
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def read(client, query: str = "") -> list[dict]:
    came = client.get(f"/api/v1/prices{query}")
    assert came.status_code == 200, came.content.decode()
    return came.json()["results"]


def put(client, **said):
    body = {"provider": "scripted", "model": HAIKU, "from": today(), "input": "0.20", "output": "1.00", **said}
    return client.put("/api/v1/prices", body, "application/json")


def test_it_says_what_the_public_list_says_and_who_says_it(owner):
    [row] = read(owner, f"?provider=anthropic&model={HAIKU}")
    assert row["price"] == {
        **{"input": "0.10", "output": "0.50", "cache_read": "0.01", "cache_write": "0.125", "cache_write_1h": "0.20"}
    }
    assert (row["source"], row["simulated"], row["listed"], row["until"]) == ("genai-prices", False, None, None)
    assert row["batch"]["input"] == "0.05"
    assert [(one["above_tokens"], one["input"]) for one in row["long_prompts"]] == [(100_000, "0.50")]
    [row] = read(owner, "?provider=anthropic&model=claude-opus-4-6")
    assert row["since"] == "2026-03-13"


def test_it_compares_with_the_cheapest_whatever_is_looked_for(owner):
    """Of all models of the project's lists the cheapest is one of OpenAI's; the dearest of Anthropic's are far from it."""
    everything = read(owner, "?limit=200")
    assert everything[0]["times_cheapest"] == "1.00"
    cheapest = Decimal(everything[0]["price"]["input"])
    [opus] = read(owner, f"?provider=anthropic&model={OPUS}")
    assert opus["times_cheapest"] == str((Decimal("4") / cheapest).quantize(Decimal("0.01")))
    assert opus in everything
    prices = [Decimal(row["price"]["input"]) for row in everything if row["price"] and row["price"]["input"]]
    assert prices == sorted(prices)


def test_what_costs_nothing_is_no_measure(owner):
    before = read(owner, f"?provider=anthropic&model={OPUS}")[0]["times_cheapest"]
    assert put(owner, model="gift", input="0", output="0").json()["times_cheapest"] == "0.00"
    assert read(owner, f"?provider=anthropic&model={OPUS}")[0]["times_cheapest"] == before


def test_the_models_of_the_tier_map_are_there_and_said_to_be_simulated(owner, shop):
    shop.tiers.filter(tier="standard").update(model="nobody-knows-it")
    rows = {row["model"]: row for row in read(owner, "?provider=scripted")}
    assert rows.keys() == {HAIKU, OPUS, "nobody-knows-it"}
    assert all(row["simulated"] for row in rows.values())
    unpriced = rows["nobody-knows-it"]
    assert (unpriced["price"], unpriced["times_cheapest"], unpriced["source"]) == (None, None, None)


def test_a_model_that_nobody_named_can_be_asked_for(owner):
    found = read(owner, "?model=claude-sonnet-4-5")
    assert {row["provider"] for row in found} == {"anthropic", "scripted", "recorded"}
    assert read(owner, "?model=there-is-none") == []


def test_its_pages_follow_one_another(owner):
    seen, address = [], "/api/v1/prices?limit=50"
    while address:
        page = owner.get(address.replace("http://testserver", "")).json()
        seen += [(row["provider"], row["model"]) for row in page["results"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) > 100
    assert owner.get("/api/v1/prices?cursor=nothing").status_code == 400


def test_an_own_price_goes_before_the_list_and_shows_what_the_list_says(owner):
    came = put(owner, cache_read="0.02", cache_write="0.25")
    assert came.status_code == 201
    row = came.json()
    assert row["price"] == {
        **{"input": "0.20", "output": "1.00", "cache_read": "0.02", "cache_write": "0.25", "cache_write_1h": None}
    }
    assert (row["source"], row["since"], row["listed"]["input"]) == ("project", today(), "0.10")
    assert row["batch"] is None  # half of it is nobody's price
    assert read(owner, f"?provider=scripted&model={HAIKU}") == [row]


def test_a_batch_has_a_price_of_its_own(owner, shop):
    row = put(owner, batch={"input": "0.10", "output": "0.50", "cache_write_1h": "0.30"}).json()
    assert (row["batch"]["input"], row["batch"]["cache_write_1h"]) == ("0.10", "0.30")
    price = pricing.price(shop.pk, f"scripted:{HAIKU}", timezone.now(), 1, batch=True)
    assert (price.input, price.output) == (Decimal("0.10"), Decimal("0.50"))


def test_a_price_never_begins_in_the_past_and_it_says_what_to_send(owner):
    came = put(owner, **{"from": today(-1)})
    assert came.status_code == 422
    [error] = came.json()["errors"]
    assert error["pointer"] == "/from"
    assert f"Send {today()} or a later day." in error["detail"]
    assert not OwnPrice.objects.exists()


def test_a_price_of_a_later_day_holds_from_then_on(owner):
    first = put(owner, **{"from": today(10)})
    assert first.status_code == 201
    [row] = read(owner, f"?provider=scripted&model={HAIKU}")
    assert (row["source"], row["until"]) == ("genai-prices", today(10))
    [row] = read(owner, f"?provider=scripted&model={HAIKU}&at={today(10)}")
    assert (row["source"], row["price"]["input"]) == ("project", "0.20")


def test_what_does_not_hold_yet_is_stated_anew_and_what_holds_is_not(owner):
    assert put(owner, **{"from": today(5)}).status_code == 201
    assert put(owner, **{"from": today(5)}).status_code == 200
    again = put(owner, **{"from": today(5), "input": "0.30"})
    assert (again.status_code, again.json()["price"]["input"]) == (200, "0.30")
    assert put(owner).status_code == 201
    assert put(owner).status_code == 200
    refused = put(owner, input="0.30")
    assert refused.status_code == 409
    assert f"from {today(1)} on" in refused.json()["detail"]
    assert OwnPrice.objects.count() == 2


def test_a_call_keeps_the_price_that_it_was_made_at(owner, shop):
    workflow = make_workflow(project=shop)
    models_answer({"text": envelope({"kind": "refund"})})
    execute(workflow)
    before = Call.objects.get()
    assert put(owner, input="9.00", output="9.00").status_code == 201
    execute(workflow)
    after = Call.objects.exclude(pk=before.pk).get()
    old = (before.price_input, before.cost)
    before.refresh_from_db()
    assert (before.price_input, before.cost) == old
    assert (before.price_input, after.price_input, after.price_source) == (10**11, 9 * 10**12, "project")


@pytest.mark.parametrize(
    ("said", "pointer", "detail"),
    [
        ({"provider": "nobody"}, "/provider", "This project has no such provider; it has anthropic, openai"),
        ({"model": "a b"}, "/model", "no blank"),
        ({"model": ""}, "/model", "1 to 200"),
        ({"input": "-1"}, "/input", "from 0 to 1000000"),
        ({"output": "1e3"}, "/output", "an amount in USD"),
        ({"input": "0.0000000000001"}, "/input", "at most twelve places"),
        ({"from": "tomorrow"}, "/from", "a day such as"),
        ({"from": "2099-01-01T00:00:00Z"}, "/from", "a day such as"),
        ({"batch": {"input": "1"}}, "/batch/output", "required"),
        ({"cache_writes": "1"}, "/cache_writes", "Unknown key"),
    ],
)
def test_what_is_wrong_with_a_price_is_said_where_it_is(said, pointer, detail, owner):
    came = put(owner, **said)
    assert came.status_code == 422
    [error] = came.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]


def test_who_reads_prices_does_not_state_them(shop):
    reader = client_of(shop, Scope.READ)
    assert reader.get("/api/v1/prices?limit=1").status_code == 200
    assert put(reader).status_code == 403


# In the admin.


def test_the_page_shows_prices_beside_each_other(shop):
    page = member(shop, "viewer").get("/admin/gateway/ownprice/in-force/", {"provider": "anthropic", "model": "5-5"})
    text = page.content.decode()
    assert page.status_code == 200
    assert HAIKU in text
    assert "claude-opus-4-5" not in text
    assert "above 100000 tokens: 0.50, 2.50" in text
    assert "state a price" not in text


def test_an_owner_states_a_price_from_there(shop):
    client = member(shop, "owner")
    text = client.get("/admin/gateway/ownprice/in-force/", {"model": HAIKU}).content.decode()
    assert f"?project={shop.pk}&amp;provider=anthropic&amp;model={HAIKU}" in text
    form = client.get(
        f"/admin/gateway/ownprice/add/?project={shop.pk}&provider=anthropic&model={HAIKU}"
    ).content.decode()
    assert f'value="{HAIKU}"' in form
    assert f'value="{today()}"' in form
    data = {
        "project": shop.pk,
        "provider": "anthropic",
        "model": HAIKU,
        "valid_from": today(),
        "input": "7",
        "output": "8",
    }
    assert client.post("/admin/gateway/ownprice/add/", data).status_code == 302
    assert "7.00" in client.get("/admin/gateway/ownprice/in-force/", {"model": HAIKU}).content.decode()
    assert "in force" in client.get("/admin/gateway/ownprice/").content.decode()


@pytest.mark.parametrize(
    "query", ["project=abc", "project=99999999999999999999", "provider=nobody", "model=%00", "x=y"]
)
def test_the_page_takes_any_address(query, shop):
    assert member(shop, "viewer").get(f"/admin/gateway/ownprice/in-force/?{query}").status_code == 200


def test_a_price_is_none_of_another_projects(shop):
    make_project("other")
    other = make_project("another")
    text = member(shop, "viewer").get(f"/admin/gateway/ownprice/in-force/?project={other.pk}").content.decode()
    assert "another" not in text


def test_a_day_before_the_list_knew_a_batch_has_none(owner):
    before = datetime(2026, 10, 13, 12, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    [row] = read(owner, f"?provider=anthropic&model={OPUS}&at={before}")
    assert (row["batch"], row["price"]["input"]) == (None, "4.00")
