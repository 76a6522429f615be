"""Roles: what each may see and do in the admin, in its own project and in another one."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from executions.models import Flag
from projects.models import ApiKey, Membership, Project, Role
from tests import neighbours as cast
from tests.cast import member
from tests.neighbours import CANARY
from workflows.models import Budget

SEEN = {
    "viewer": {"project", "workflow", "version", "budget", "execution", "flag", "call", "intent", "ownprice"},
    "designer": {"tool"},
    "owner": {"apikey", "auditevent", "provider", "endpoint", "delivery"},
}
OPERATORS = {"limit", "worker", "user", "group"}
PAGES = {
    **dict.fromkeys(("project", "apikey", "auditevent", "tool"), "projects"),
    **dict.fromkeys(("workflow", "version", "budget"), "workflows"),
    **dict.fromkeys(("execution", "flag", "worker"), "executions"),
    **dict.fromkeys(("call", "intent", "ownprice", "provider", "limit"), "gateway"),
    **dict.fromkeys(("user", "group"), "auth"),
    **dict.fromkeys(("endpoint", "delivery"), "notifications"),
}


@pytest.fixture
def both(db):
    return cast.neighbours()


def address(kind):
    app = "projects" if kind == "provider" else PAGES[kind]
    return f"/admin/{app}/{kind}/"


@pytest.mark.parametrize("role", Role.values)
def test_each_role_sees_its_own_project_and_nothing_of_another(role, both):
    client = member(both.own.project, role)
    seen = SEEN["viewer"] | (SEEN["owner"] if role == "owner" else set())
    seen |= SEEN["designer"] if role in ("designer", "owner") else set()
    for kind in PAGES:
        answer = client.get(address(kind))
        assert answer.status_code == (200 if kind in seen else 403), kind
        assert CANARY not in answer.content.decode(), kind
    home = client.get("/admin/").content.decode()
    assert CANARY not in home
    assert ("/admin/projects/apikey/" in home) == (role == "owner")


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("reviewer", 200), ("designer", 200), ("owner", 200)])
def test_a_reviewer_resolves_flags(role, status, both):
    client = member(both.own.project, role)
    flag = Flag.objects.filter(execution__project=both.own.project, state="open", waiting=True).first()
    page = f"/admin/queue/{flag.pk}/"
    assert client.get(page).status_code == status
    client.post(page, {"decision": "whole", "whole-0": "other"})
    flag.refresh_from_db()
    assert flag.state == ("resolved" if status == 200 else "open")


def test_nobody_resolves_flags_of_another_project(both):
    client = member(both.own.project, "owner")
    flag = Flag.objects.filter(execution__project=both.foreign.project, state="open").first()
    assert client.get(f"/admin/queue/{flag.pk}/").status_code == 404


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("reviewer", 403), ("designer", 302), ("owner", 302)])
def test_a_designer_states_budgets(role, status, both):
    client = member(both.own.project, role)
    data = {"project": both.own.project_id, "workflow": both.own.pk, "period": "day", "cap": "5"}
    assert client.post("/admin/workflows/budget/add/", data).status_code == status
    assert Budget.objects.filter(period="day").count() == (1 if status == 302 else 0)


def test_a_budget_is_offered_and_taken_for_the_own_projects_alone(both):
    client = member(both.own.project, "designer")
    form = client.get("/admin/workflows/budget/add/").content.decode()
    assert both.own.project.name in form
    assert CANARY not in form
    data = {"project": both.foreign.project_id, "workflow": "", "period": "day", "cap": "5"}
    assert client.post("/admin/workflows/budget/add/", data).status_code == 200
    assert not Budget.objects.filter(period="day").exists()


@pytest.mark.parametrize("role", Role.values)
def test_an_owner_changes_the_project_but_not_its_name_nor_its_members(role, both):
    client, project = member(both.own.project, role), both.own.project
    page = f"/admin/projects/project/{project.pk}/change/"
    form = client.get(page).content.decode()
    assert ('name="execution_cap"' in form) == (role == "owner")
    assert 'name="name"' not in form
    assert 'name="members-0-role"' not in form
    assert ('name="tiers-0-model"' in form) == (role == "owner")
    data = {
        **{
            "name": "stolen",
            "execution_cap": "7",
            "retention_days": "",
            "store_payload": "full",
            "redacted_fields": "",
        },
        **{
            f"{part}-{word}": "0"
            for part in ("tiers", "tool_variables", "members")
            for word in ("TOTAL_FORMS", "INITIAL_FORMS")
        },
    }
    answer = client.post(page, data)
    assert answer.status_code == (302 if role == "owner" else 403)
    changed = Project.objects.get(pk=project.pk)
    assert (changed.name, changed.execution_cap == 7 * 10**12) == (project.name, role == "owner")
    assert client.get("/admin/projects/project/add/").status_code == 403


def test_an_owner_revokes_the_own_keys_alone(both):
    client = member(both.own.project, "owner")
    theirs = ApiKey.objects.issue(both.foreign.project, ["read"])[0]
    mine = ApiKey.objects.issue(both.own.project, ["read"])[0]
    data = {"action": "revoke", "_selected_action": [str(theirs.pk), str(mine.pk)], "post": "yes"}
    client.post("/admin/projects/apikey/", data)
    assert ApiKey.objects.get(pk=theirs.pk).revoked_at is None
    assert ApiKey.objects.get(pk=mine.pk).revoked_at is not None


def test_a_role_is_of_one_project(both):
    """An owner here is a viewer there."""
    client = member(both.own.project, "owner")
    Membership.objects.create(
        project=both.foreign.project, account=get_user_model().objects.get(username="rosa"), role="viewer"
    )
    assert CANARY in client.get("/admin/executions/execution/").content.decode()
    assert CANARY not in client.get("/admin/projects/apikey/").content.decode()
    theirs = both.foreign.budgets.get()
    data = {"cap": "9", "_save": "Save"}
    assert client.post(f"/admin/workflows/budget/{theirs.pk}/change/", data).status_code == 403
    assert client.post(f"/admin/projects/project/{both.foreign.project_id}/change/", {}).status_code == 403
    form = client.get("/admin/workflows/budget/add/").content.decode()
    assert CANARY not in form


def test_an_account_that_was_shut_out_sees_nothing(both):
    client = member(both.own.project, "owner")
    get_user_model().objects.update(is_active=False)
    assert client.get("/admin/workflows/workflow/").status_code == 302


def test_rights_of_django_open_nothing(both):
    """A right there is for all projects; ours are roles."""
    client = member(both.own.project, "viewer")
    account = get_user_model().objects.get(username="rosa")
    account.user_permissions.set(account.user_permissions.model.objects.all())
    assert client.get("/admin/projects/apikey/").status_code == 403
    assert CANARY not in client.get("/admin/executions/flag/").content.decode()


def created(capsys, *words):
    call_command("create_user", *words)
    return capsys.readouterr()


def test_the_command_makes_an_account_and_prints_its_password_once(both, capsys):
    out, err = created(capsys, "rosa", "--project", both.own.project.name, "--role", "reviewer")
    assert Client().login(username="rosa", password=out.strip())
    assert (err, Membership.objects.get(account__username="rosa").role) == ("", "reviewer")
    out, err = created(capsys, "rosa", "--project", both.own.project.name, "--role", "owner")
    assert (out, Membership.objects.get(account__username="rosa").role) == ("", "owner")
    assert "rosa is owner" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rosa", "--project", "nowhere", "--role", "owner"), "There is no project 'nowhere'"),
        (("ro sa", "--project", "mallory", "--role", "owner"), "no name to sign in with"),
        (("root", "--project", "mallory", "--role", "owner"), "operates the installation"),
    ],
)
def test_the_command_says_what_is_wrong(words, said, both):
    get_user_model().objects.create_superuser("root")
    with pytest.raises(CommandError, match=said):
        call_command("create_user", *words)
    assert not Membership.objects.filter(account__username__in=["rosa", "ro sa", "root"]).exists()
