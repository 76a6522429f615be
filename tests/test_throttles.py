"""How often one may ask: by key, by project, and by address where authentication fails."""

import threading
from http import HTTPStatus

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client, RequestFactory

from projects.models import ApiKey
from projects.throttles import address_of
from tests.cast import make_project, make_workflow
from wire import rates

API = "/api/v1"
RUN = f"{API}/workflows/refund/executions"
NOON = "2026-11-23T12:00:20Z"


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as travelling:
        yield travelling


@pytest.fixture
def limits(settings, clock):
    settings.THROTTLE_KEY, settings.THROTTLE_PROJECT, settings.THROTTLE_FAILURES = 3, 5, 3
    return settings


def client_of(project, *scopes: str, **headers: str) -> Client:
    _, token = ApiKey.objects.issue(project, list(scopes) or ["read"])
    return Client(headers={"Authorization": f"Bearer {token}", **headers})


def statuses(client: Client, times: int, path: str = "workflows", **more: object) -> list[int]:
    return [client.get(f"{API}/{path}", **more).status_code for _ in range(times)]


def refused(response) -> dict:
    assert (response.status_code, response["Content-Type"]) == (429, "application/problem+json")
    assert response["Retry-After"] == "40"
    return response.json()


@pytest.mark.django_db
def test_a_key_that_asks_too_often_is_told_when_to_come_back(limits, clock):
    client = client_of(make_project())
    assert statuses(client, 3) == [200, 200, 200]
    said = refused(client.get(f"{API}/workflows"))
    assert said["title"] == "Too Many Requests"
    assert "Expected available in 40 seconds" in said["detail"]
    clock.shift(40)
    assert statuses(client, 4) == [200, 200, 200, 429]


@pytest.mark.django_db
def test_one_key_takes_nothing_from_another_but_their_project_is_limited_too(limits):
    project, elsewhere = make_project("alice"), make_project("bob")
    one, other = client_of(project), client_of(project)
    assert statuses(one, 10) == [200] * 3 + [429] * 7
    assert statuses(other, 3) == [200, 200, 429]
    assert statuses(client_of(elsewhere), 3) == [200, 200, 200]


@pytest.mark.django_db
def test_what_is_refused_is_counted_too(limits):
    client = client_of(make_project(), "execute")
    assert statuses(client, 4) == [403, 403, 403, 429]
    assert client.options(f"{API}/workflows").status_code == 429


@pytest.mark.django_db
def test_no_limit_is_no_limit(limits):
    limits.THROTTLE_KEY = limits.THROTTLE_PROJECT = limits.THROTTLE_FAILURES = 0
    assert set(statuses(client_of(make_project()), 20)) == {200}
    assert set(statuses(Client(headers={"Authorization": "Bearer wrong"}), 20)) == {401}


@pytest.mark.django_db
def test_health_metrics_and_the_schema_are_not_throttled(limits):
    for path in ("/healthz", "/readyz", "/metrics", "/api/schema/", "/api/docs/"):
        assert 429 not in {Client().get(path).status_code for _ in range(8)}


@pytest.mark.django_db
def test_waiting_on_is_not_asking_for_more(limits):
    """The same request with its Idempotency-Key counts once, however often it waits; but not without any end."""
    client = client_of(make_workflow().project, "execute")
    body, headers = {"input": {"message": "a refund"}}, {"Idempotency-Key": "one", "Prefer": "wait=0"}
    again = [client.post(RUN, body, "application/json", headers=headers) for _ in range(5)]
    assert [one.status_code for one in again] == [202, 202, 202, 202, 429]
    assert len({one.json()["id"] for one in again[:4]}) == 1
    more = [client.post(RUN, body, "application/json", headers={"Idempotency-Key": str(n)}) for n in range(3)]
    assert [one.status_code for one in more] == [202, 202, 429]


@pytest.mark.django_db
def test_a_request_that_was_never_let_in_is_not_the_same_again(limits):
    client = client_of(make_workflow().project, "execute", "read")
    statuses(client, 3)
    for _ in range(3):
        response = client.post(RUN, {"input": {}}, "application/json", headers={"Idempotency-Key": "one"})
        assert response.status_code == 429


def test_a_counter_is_exact_over_threads(clock):
    def ask() -> None:
        for _ in range(200):
            rates.within("threads", 10**6)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get(rates._key("threads")) == 1600


def test_a_counter_that_the_cache_let_go_of_begins_again(clock, monkeypatch):
    add, lost = cache.add, [True, False]
    monkeypatch.setattr(cache, "add", lambda *given: None if lost.pop(0) else add(*given))
    assert rates.within("lost", 1)


# Who may not come in.


@pytest.mark.django_db
def test_wrong_keys_of_one_address_are_soon_not_looked_at(limits, clock, django_assert_num_queries):
    guess = Client(headers={"Authorization": "Bearer wm_0c4f31d2_guess"})
    assert statuses(guess, 3) == [401, 401, 401]
    with django_assert_num_queries(0):
        assert "wrong keys" in refused(guess.get(f"{API}/workflows"))["detail"]
    assert statuses(guess, 1, REMOTE_ADDR="203.0.113.9") == [401]
    assert statuses(Client(), 5) == [401] * 5
    clock.shift(40)
    assert statuses(guess, 1) == [401]


@pytest.mark.django_db
def test_nobody_locks_out_a_key_that_was_let_in_before_from_there(limits):
    """Behind one address there may be many, and one of them guesses."""
    project = make_project()
    known, new = client_of(project), client_of(project)
    assert statuses(known, 1) == [200]
    statuses(Client(headers={"Authorization": "Bearer wrong"}), 5)
    assert statuses(known, 1) == [200]
    assert statuses(new, 1) == [429]
    assert statuses(known, 1, REMOTE_ADDR="203.0.113.9") == [200]


@pytest.mark.django_db
def test_a_revoked_key_is_trusted_no_more(limits):
    client = client_of(make_project())
    assert statuses(client, 1) == [200]
    ApiKey.objects.update(revoked_at="2026-11-23T12:00:00Z")
    assert statuses(client, 4) == [401] * 4  # known at this address, looked up each time, and still not alive


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_one_caller(given, address):
    assert address_of(RequestFactory().get("/", REMOTE_ADDR=given)) == address


def test_an_address_that_is_none_is_one_all_the_same():
    odd = [address_of(RequestFactory().get("/", REMOTE_ADDR=given)) for given in ("unknown", "_hidden", "x" * 5000)]
    assert len(set(odd)) == 3
    assert all(len(one) < 100 for one in odd)


def test_what_a_caller_says_of_its_address_is_not_believed():
    request = RequestFactory().get("/", REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert address_of(request) == "203.0.113.9"


@pytest.mark.django_db
def test_wrong_passwords_of_one_address_are_soon_not_looked_at(limits, clock):
    get_user_model().objects.create_superuser("rosa", password="a long password")
    given = {"username": "rosa", "password": "a wrong password"}
    tried = [Client().post("/admin/login/", given).status_code for _ in range(4)]
    assert tried == [200, 200, 200, HTTPStatus.TOO_MANY_REQUESTS]
    right = {**given, "password": "a long password"}
    response = Client().post("/admin/login/", right)
    assert (response.status_code, response["Retry-After"]) == (429, "40")
    assert b"Try again in 40 seconds" in response.content
    assert Client().post("/admin/login/", right, REMOTE_ADDR="203.0.113.9").status_code == 302
    assert Client().get("/admin/login/").status_code == 200
    clock.shift(40)
    assert Client().post("/admin/login/", right).status_code == 302
