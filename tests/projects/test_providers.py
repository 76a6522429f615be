"""A provider's row says where prompts and keys go: what cannot be meant is refused, with a sentence at its field."""

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from gateway.models import Limit, OwnPrice
from projects.endpoints import fault_of_url
from projects.models import Provider, TierModel
from tests.cast import make_project

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "gemini",
    "protocol": "openai",
    "base_url": "https://generativelanguage.googleapis.com/v1beta/openai/",
    "key_variable": "GEMINI_API_KEY",
    "price_list": "google",
    "aliases": {"flash": "gemini-2.5-flash"},
}
ADDRESS = "Write https://…, or http://… for an endpoint of your own network."
BARE = "An address without a user, a query or a fragment: a key belongs into the environment."
NOBODY = "No model answers at this address."
NUMBERS = "Write the address as four numbers, such as 127.0.0.1, or as a name."
OPEN = "Prompts and key would travel unencrypted: write https://…"


def faults_of(**changed: object) -> dict[str, list[str]]:
    try:
        Provider(project=make_project(), **{**GOOD, **changed}).full_clean()
    except ValidationError as error:
        return error.message_dict
    return {}


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com",
        "HTTPS://API.EXAMPLE.COM/v1/",
        "https://api.example.com:8443/a/b",
        "https://8.8.8.8/v1",
        "https://[2001:db8::1]/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:11434/v1/",
        "http://[::1]:8000/v1",
        "http://vllm:8000/v1",
        "http://models_1.internal/v1",
        "http://models.local/v1",
        "http://10.1.2.3/v1",
        "http://192.168.1.5/v1",
        "http://[fd00::5]/v1",
        "http://[::ffff:10.1.2.3]/v1",
    ],
)
def test_an_endpoint_of_the_world_is_encrypted_and_one_of_ones_own_need_not_be(url):
    assert faults_of(base_url=url) == {}


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("api.example.com/v1", ADDRESS),
        ("//api.example.com", ADDRESS),
        ("ftp://api.example.com", ADDRESS),
        ("file:///etc/passwd", ADDRESS),
        ("javascript:alert(1)", ADDRESS),
        ("https://", ADDRESS),
        ("https:///v1", ADDRESS),
        ("https://[::1/v1", ADDRESS),
        ("https://a b.com", ADDRESS),
        ("https://api.example.com/v1\n", ADDRESS),
        ("https://exam\tple.com", ADDRESS),
        ("https://api.example.com:0/", ADDRESS),
        ("https://api.example.com:65536/", ADDRESS),
        ("https://api.example.com:x/", ADDRESS),
        ("https://a..b.com", ADDRESS),
        ("https://-a.com", ADDRESS),
        ("https://a%2fb.com", ADDRESS),
        ("https://ex\u00e4mple.com", ADDRESS),
        ("https://\uff11\uff16\uff19.254.169.254", ADDRESS),  # digits that become ASCII on the way
        ("https://169\u3002254\u3002169\u3002254", ADDRESS),  # dots too
        ("https://key@api.example.com", BARE),
        ("https://user:key@api.example.com", BARE),
        ("https://@api.example.com", BARE),
        ("https://api.example.com?key=1", BARE),
        ("https://api.example.com/v1?", BARE),
        ("https://api.example.com/v1#", BARE),
        ("http://169.254.169.254/latest", NOBODY),
        ("https://169.254.169.254", NOBODY),
        ("https://169.254.169.254.", NOBODY),
        ("https://[fe80::1]", NOBODY),
        ("https://[fe80::1%25eth0]", NOBODY),
        ("https://[::ffff:169.254.169.254]", NOBODY),
        ("https://[::ffff:a9fe:a9fe]", NOBODY),
        ("https://[64:ff9b::a9fe:a9fe]", NOBODY),
        ("https://[2002:a9fe:a9fe::1]", NOBODY),
        ("https://0.0.0.0", NOBODY),
        ("https://[::]", NOBODY),
        ("https://224.0.0.1", NOBODY),
        ("http://2852039166/", NUMBERS),
        ("https://0xa9fea9fe/", NUMBERS),
        ("https://0xa9.0xfe.0xa9.0xfe/", NUMBERS),
        ("https://0251.0376.0251.0376/", NUMBERS),
        ("https://169.254.43518/", NUMBERS),
        ("http://127.1/", NUMBERS),
        ("http://api.example.com/v1", OPEN),
        ("http://8.8.8.8/v1", OPEN),
        ("http://[2001:4860:4860::8888]/v1", OPEN),
        ("http://[::ffff:8.8.8.8]/v1", OPEN),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url, fault):
    assert fault_of_url(url, simulated=False) == fault


def test_the_row_says_what_is_wrong_with_its_address():
    assert faults_of(base_url="http://169.254.169.254/") == {"base_url": [NOBODY]}


@pytest.mark.parametrize("name", ["a", "gemini", "open-router-2", "x" * 50, "openai"])
def test_a_name_stands_before_a_colon(name):
    assert faults_of(name=name) == {}


@pytest.mark.parametrize(
    "name", ["", " ", "Gemini", "2nd", "-a", "a b", "a:b", "a.b", "a_b", "gemini\n", "ä", "x" * 51]
)
def test_another_name_is_refused(name):
    assert list(faults_of(name=name)) == ["name"]


def test_two_rows_of_a_project_have_two_names():
    project = make_project()
    Provider.objects.create(project=project, **GOOD)
    with pytest.raises(ValidationError, match="already exists"):
        Provider(project=project, **GOOD).full_clean()
    Provider(project=make_project("bruno"), **GOOD).full_clean()


@pytest.mark.parametrize("variable", ["", "GEMINI_API_KEY", "HF_TOKEN", "X_KEY", "MY_SECRET_KEY"])
def test_a_variable_that_holds_a_key_is_named(variable):
    assert faults_of(key_variable=variable) == {}


@pytest.mark.parametrize(
    "variable",
    [
        "SECRET_KEY",  # ours: it signs the sessions
        "METRICS_TOKEN",
        "DATABASE_URL",
        "ADMIN_PASSWORD",
        "PATH",
        "KEY",
        "_KEY",
        "gemini_api_key",
        "GEMINI API_KEY",
        "GEMINI_API_KEY ",
        "GEMINI_API_KEY\n",
        "sk-abcdef123456",
    ],
)
def test_no_other_variable_leaves_the_machine(variable):
    assert list(faults_of(key_variable=variable)) == ["key_variable"]


@pytest.mark.parametrize("aliases", [{}, {"our-deployment": "gpt-4.1-mini-2025-04-14", "a/b:free": "c"}])
def test_aliases_name_what_was_asked_and_what_answers(aliases):
    assert faults_of(aliases=aliases) == {}


@pytest.mark.parametrize(
    "aliases",
    [
        ["a"],
        "a",
        None,
        5,
        {"a": 1},
        {"a": None},
        {"a": ["b"]},
        {"a": ""},
        {"": "b"},
        {"a": "b c"},
        {"a": "b\n"},
        {"a": "b" * 201},
        {str(number): "b" for number in range(201)},
    ],
)
def test_what_is_no_alias_is_refused(aliases):
    assert list(faults_of(aliases=aliases)) == ["aliases"]


@pytest.mark.parametrize("protocol", ["scripted", "recorded"])
def test_a_simulated_one_has_neither_address_nor_key(protocol):
    assert faults_of(protocol=protocol, base_url="", key_variable="") == {}
    assert sorted(faults_of_other(protocol)) == ["base_url", "key_variable"]


def faults_of_other(protocol):
    try:
        Provider(project=make_project("bruno"), **{**GOOD, "protocol": protocol}).full_clean()
    except ValidationError as error:
        return error.message_dict


@pytest.mark.parametrize(
    ("name", "protocol"), [("anthropic", "scripted"), ("scripted", "openai"), ("recorded", "anthropic")]
)
def test_nobody_gives_a_simulated_one_the_name_of_a_real_one(name, protocol):
    simulated = {"base_url": "", "key_variable": ""} if protocol == "scripted" else {}
    assert list(faults_of(name=name, protocol=protocol, **simulated)) == ["name"]


@pytest.mark.parametrize(("name", "protocol"), [("anthropic", "openai"), ("openai", "anthropic")])
def test_a_real_one_may_be_spoken_to_otherwise(name, protocol):
    assert faults_of(name=name, protocol=protocol) == {}


def test_tiers_prices_and_limits_name_providers_that_there_are():
    project, other = make_project(), make_project("bruno")
    Provider.objects.create(project=other, **GOOD)
    today = timezone.now().date()
    tier = TierModel(project=project, tier="cheap", provider="gemini", model="m")
    price = OwnPrice(project=project, provider="gemini", model="m", valid_from=today, input=1, output=1)
    for row in (tier, price):
        with pytest.raises(ValidationError, match="it has anthropic, openai, recorded, scripted"):
            row.clean()
    with pytest.raises(ValidationError, match="there are anthropic, gemini, openai, recorded, scripted"):
        Limit(provider="gemeni").clean()
    Limit(provider="gemini").clean()  # a limit is of the installation
    Provider.objects.create(project=project, **GOOD)
    tier.clean()
    price.clean()


# The pages.


@pytest.fixture
def operator():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def typed(project, **changed):
    return {**GOOD, "project": project.pk, "aliases": '{"flash": "gemini-2.5-flash"}', **changed}


def test_a_provider_is_added_on_its_page(operator):
    project = make_project()
    answer = operator.post("/admin/projects/provider/add/", typed(project))
    assert answer.status_code == 302
    row = Provider.objects.get()
    assert {name: getattr(row, name) for name in GOOD} == GOOD


def test_every_fault_stands_at_its_field(operator):
    wrong = {"name": "Bad Name", "base_url": "http://2852039166/", "key_variable": "SECRET_KEY", "aliases": '{"a": 1}'}
    shown = operator.post("/admin/projects/provider/add/", typed(make_project(), **wrong, price_list="nobody's"))
    assert set(shown.context["adminform"].form.errors) == {*wrong, "price_list"}
    assert not Provider.objects.exists()


def test_its_name_and_protocol_stay_and_it_cannot_be_deleted(operator):
    row = Provider.objects.create(project=make_project(), **GOOD)
    page = f"/admin/projects/provider/{row.pk}/change/"
    assert b'name="protocol"' not in operator.get(page).content
    elsewhere = "https://elsewhere.example.com/v1"
    moved = typed(row.project, name="other", protocol="anthropic", base_url=elsewhere, key_goes_along="on")
    assert operator.post(page, moved).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.protocol, row.base_url) == ("gemini", "openai", elsewhere)
    assert operator.post(f"/admin/projects/provider/{row.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("changed", "is_asked"),
    [
        ({"base_url": "https://elsewhere.example.com/v1beta/openai/"}, True),
        ({"base_url": "https://generativelanguage.googleapis.com:8443/v1beta/openai/"}, True),
        ({"base_url": ""}, True),
        ({"base_url": "https://elsewhere.example.com/v1", "key_variable": "ELSEWHERE_KEY"}, False),
        ({"base_url": "https://elsewhere.example.com/v1", "key_variable": ""}, False),
        ({"base_url": "https://GenerativeLanguage.googleapis.com/v2/"}, False),
        ({"aliases": "{}"}, False),
    ],
)
def test_a_key_goes_to_another_host_only_where_somebody_says_so(operator, changed, is_asked):
    row = Provider.objects.create(project=make_project(), **GOOD)
    page = f"/admin/projects/provider/{row.pk}/change/"
    answer = operator.post(page, typed(row.project, **changed))
    assert (answer.status_code, Provider.objects.filter(base_url=GOOD["base_url"]).exists()) == (
        (200, True) if is_asked else (302, "base_url" not in changed)
    )
    if is_asked:
        assert "would be sent to another host" in str(answer.context["adminform"].form.errors["key_goes_along"])
        assert operator.post(page, typed(row.project, **changed, key_goes_along="on")).status_code == 302


def test_a_new_provider_is_asked_nothing_of_the_kind(operator):
    assert b"key_goes_along" not in operator.get("/admin/projects/provider/add/").content


def test_the_list_says_whether_the_key_is_there_and_never_the_key(operator, monkeypatch):
    Provider.objects.create(project=make_project(), **GOOD)
    assert b"GEMINI_API_KEY is not set here" in operator.get("/admin/projects/provider/").content
    monkeypatch.setenv("GEMINI_API_KEY", "the-key-itself")
    shown = operator.get("/admin/projects/provider/").content
    assert b"GEMINI_API_KEY is set here" in shown
    assert b"the-key-itself" not in shown


@pytest.mark.parametrize("page", ["gateway/ownprice/add", "gateway/limit/add", "projects/project/add"])
def test_a_provider_is_chosen_where_one_is_named(operator, page):
    Provider.objects.create(project=make_project(), **GOOD)
    assert b'<option value="gemini">gemini</option>' in operator.get(f"/admin/{page}/").content


def test_a_page_that_is_sent_without_anything_says_so(operator):
    for page in ("gateway/ownprice", "gateway/limit", "projects/provider"):
        assert operator.post(f"/admin/{page}/add/", {}).status_code == 200


def test_a_tier_whose_provider_is_gone_is_shown_as_it_is(operator):
    project = make_project(tiers={"cheap": "gone:m"})
    shown = operator.get(f"/admin/projects/project/{project.pk}/change/").content
    assert b'<option value="gone" selected>gone</option>' in shown
