"""What a project lets be kept: as it says in the admin, known in every process within seconds."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from projects import keeping
from projects.keeping import RESERVED, Keeping, redaction
from projects.models import Project
from tests.cast import make_project
from wire.redaction import NAMES, USUAL, USUAL_NAMES
from workflows.envelope import schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return make_project()


@pytest.fixture
def admin():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def save(admin, project, **given):
    """What a browser sends; patterns that are not ticked are not sent."""
    page = f"/admin/projects/project/{project.pk}/change/"
    form = {"name": project.name, "execution_cap": "1", "redacted_fields": "", "store_payload": "full"}
    for prefix in ("tiers", "tool_variables", "members"):
        form |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    answer = admin.post(page, {"redacted_patterns": sorted(USUAL_NAMES), **form, **given})
    project.refresh_from_db()
    return answer


def test_a_project_that_says_nothing_keeps_all_but_the_usual_secrets(project):
    assert keeping.keeping(project.pk) == Keeping(USUAL, call_texts=True)
    assert keeping.keeping(project.pk).policy is USUAL


def test_what_is_not_usual_is_written_down_and_nothing_else(admin, project):
    save(admin, project)
    assert (project.redacted_patterns, project.redacted_fields, project.retention_days) == (None, None, None)
    save(admin, project, redacted_patterns=["iban", *(USUAL_NAMES - {"card"})])
    assert project.redacted_patterns == {"card": False, "iban": True}
    assert redaction(project.pk).names == set(NAMES) - {"card"}


def test_a_pattern_that_comes_with_an_upgrade_is_looked_for(project):
    project.redacted_patterns = {"card": False, "a pattern of the past": True}
    assert Keeping.of(project).policy.names == USUAL_NAMES - {"card"}


def test_fields_are_lines(admin, project):
    save(admin, project, redacted_fields=" password \r\n\r\n/customer/iban\r\npassword")
    assert project.redacted_fields == ["password", "/customer/iban"]
    assert redaction(project.pk).value({"password": 1}) == {"password": "[redacted:field]"}
    shown = admin.get(f"/admin/projects/project/{project.pk}/change/").content.decode()
    assert "password\n/customer/iban</textarea>" in shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ("password\n/", "A field is a name such as password, or a JSON pointer such as /customer/iban."),
        ("Output", "is a key of every model&#x27;s answer"),
        ("\n".join(f"field{n}" for n in range(101)), "At most 100 fields can be named."),
    ],
)
def test_a_field_that_cannot_be_one_is_refused_with_a_sentence(admin, project, fields, sentence):
    answer = save(admin, project, redacted_fields=fields)
    assert sentence in answer.content.decode()
    assert project.redacted_fields is None


def test_the_keys_of_an_answer_are_those_of_the_envelope():
    assert set(RESERVED) == set(schema({}, ["a case"])["properties"])


@pytest.mark.parametrize(("days", "kept"), [("", None), ("30", 30), ("0", None), ("36501", None)])
def test_days_are_a_day_or_more(admin, project, days, kept):
    save(admin, project, retention_days=days)
    assert project.retention_days == kept


def test_the_page_says_what_it_means(admin, project):
    shown = admin.get(f"/admin/projects/project/{project.pk}/change/").content.decode()
    ticked = re.findall(r'name="redacted_patterns" value="([a-z-]+)"[^>]* checked', shown)
    assert set(ticked) == USUAL_NAMES
    for words in (
        "api-key: API keys of the usual vendors",
        "Days that texts are kept",
        "are deleted for good",
        "iban:",
    ):
        assert words in shown


def test_a_change_is_known_at_once_here_and_elsewhere_in_seconds(project, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr("projects.remembered.time.monotonic", lambda: clock[0])
    assert redaction(project.pk) is USUAL
    project.redacted_fields = ["pin"]
    project.save()
    assert redaction(project.pk).fields == (("pin",),)
    Project.objects.update(redacted_fields=None)  # another process
    assert redaction(project.pk).fields == (("pin",),)
    clock[0] += 5.1
    assert redaction(project.pk) is USUAL


def test_of_a_project_that_is_not_there_the_usual_holds():
    assert redaction(0) is USUAL
