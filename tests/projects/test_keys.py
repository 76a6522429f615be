"""API keys: made once, shown once, checked without telling anything about those that are not."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from projects.models import ApiKey, Project

pytestmark = pytest.mark.django_db


def issued(scopes=("read",), name="alice"):
    return ApiKey.objects.issue(Project.objects.establish(name), list(scopes))


def test_a_key_opens_its_project_and_is_not_kept():
    key, token = issued()
    assert ApiKey.objects.authenticate(token) == key
    assert token not in str(list(ApiKey.objects.values()))


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(days=1)}])
def test_a_key_that_is_revoked_or_expired_opens_nothing(change):
    key, token = issued()
    ApiKey.objects.filter(pk=key.pk).update(**change)
    assert ApiKey.objects.authenticate(token) is None


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.upper(), lambda t: "", lambda t: "wm__"]
)
def test_another_text_opens_nothing(spoil):
    _, token = issued()
    assert ApiKey.objects.authenticate(spoil(token)) is None


def test_the_command_makes_the_project_and_prints_the_key_alone():
    printed = StringIO()
    call_command("create_api_key", project="bob", scopes="read,execute", stdout=printed)
    key = ApiKey.objects.authenticate(printed.getvalue().strip())
    assert (key.project.name, key.scopes) == ("bob", ["read", "execute"])
    assert set(key.project.tier_map()) == {"cheap", "standard", "frontier"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"project": "bob", "scopes": "read,fly"}, "Unknown scope 'fly'"),
        ({"project": "bob", "scopes": ","}, "at least one scope"),
        ({"project": "not a slug", "scopes": "read"}, "letters, digits"),
    ],
)
def test_the_command_says_what_is_wrong(options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("create_api_key", **options)
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_by_its_prefix_once():
    key, token = issued()
    call_command("revoke_api_key", key.prefix, stdout=StringIO())
    assert ApiKey.objects.authenticate(token) is None
    with pytest.raises(CommandError, match="revoked already"):
        call_command("revoke_api_key", key.prefix)


def test_an_admin_key_may_do_everything_and_others_what_they_say():
    admin, _ = issued(["admin"])
    reader, _ = issued(["read"])
    assert admin.allows("design")
    assert not reader.allows("design")
