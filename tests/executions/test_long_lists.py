"""The lists of the admin with a hundred thousand executions: what is read is what is shown, whatever is looked for. Rows are
counted by PostgreSQL itself, because a time would say more of the machine than of the list."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from executions.models import Execution
from projects.models import Membership
from tests.cast import make_project, make_workflow

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's"),
]

MANY = 100_000
READ_AT_MOST = 4_500  # rows of executions for a page: a count up to 2,000, and a hundred that are shown
FILL = """
    INSERT INTO executions_execution (id, project_id, workflow_id, version_id, publication_id, tier_map, baseline_model,
        simulated, purpose, lane, status, waiting_for, input, metadata, resolved_by, token, deaths, deadline_at, created_at,
        queued_at, finished_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, %(project)s, %(workflow)s, %(version)s, %(publication)s, '{}', '', true,
        CASE WHEN n %% 5000 = 3 THEN 'trial' ELSE 'production' END, 'fast',
        CASE n %% 2000 WHEN 0 THEN 'failed' WHEN 1 THEN 'escalated' WHEN 2 THEN 'waiting' ELSE 'completed' END,
        CASE n %% 2000 WHEN 2 THEN 'budget' ELSE '' END, '{}', '{}',
        CASE n %% 2000 WHEN 0 THEN '' WHEN 1 THEN '' WHEN 2 THEN '' WHEN 3 THEN 'human' ELSE 'workflow' END, 0, 0, now(),
        now() - interval '90 days' + n * interval '1 second', now(),
        CASE WHEN n %% 2000 IN (1, 2) THEN NULL ELSE now() - interval '90 days' END
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """The executions of bob, and of what is seldom executed, are the oldest: whoever looks for them from the newest on would read
    everything, and whoever sorts them would read them all."""
    with django_db_blocker.unblock(), transaction.atomic():
        few = make_workflow(project=make_project("bob"))
        many = make_workflow(project=make_project("alice"))
        other = make_workflow(project=many.project, name="seldom")
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE executions_execution DISABLE TRIGGER USER")
            for workflow, first, last in ((few, 1, 5_000), (other, 5_001, 10_000), (many, 10_001, MANY)):
                ids = {"project": workflow.project_id, "workflow": workflow.pk, "first": first, "last": last}
                live = {"version": workflow.live.version_id, "publication": workflow.live_id}
                cursor.execute(FILL, {**ids, **live})
            cursor.execute("ANALYZE executions_execution")
        connection.check_constraints()  # once; what is left to be checked would be checked behind each test
        yield few, other, many
        transaction.set_rollback(True)


@pytest.fixture
def workflows(filled, db):
    return filled


@pytest.fixture
def operator(workflows):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa"))
    return client


def asked(client: Client, **query: object) -> tuple[str, list[str]]:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/admin/executions/execution/?{urlencode(query)}")
    assert answer.status_code == 200, answer.headers.get("Location")
    return answer.content.decode(), [one["sql"] for one in queries]


def rows_read(statements: list[str]) -> int:
    """Rows of executions that the database looked at, taken or not."""
    read = 0
    for statement in statements:
        if '"executions_execution"' in statement and statement.startswith("SELECT"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
                [plan] = cursor.fetchone()[0]
            read += _read(plan["Plan"])
    return read


def _read(node: dict) -> int:
    here = 0
    if node.get("Relation Name") == "executions_execution":
        passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        here = round((node["Actual Rows"] + passed_over) * node["Actual Loops"])
    return here + sum(_read(one) for one in node.get("Plans", ()))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, 100),
        ({"p": 19}, 100),
        ({"stands": "completed"}, 100),
        ({"stands": "escalated"}, 50),
        ({"stands": "budget"}, 50),
        ({"stands": "failed"}, 50),
        ({"stands": "failed_lately"}, 0),
        ({"stands": "cancelled"}, 0),
        ({"stands": "review"}, 0),
        ({"answered": "human"}, 50),
        ({"answered": "frontier"}, 0),
        ({"purpose": "trial"}, 20),
        ({"of": "bob"}, 100),
        ({"of": "alice"}, 100),
        ({"of": "seldom"}, 100),
        ({"of": "1.0.0 of seldom"}, 100),
        ({"of": "alice", "stands": "failed"}, 48),
        ({"q": f"{7:032x}"}, 1),
        ({"q": "no id"}, 0),
    ],
    ids=str,
)
def test_a_list_reads_what_it_shows(workflows, operator, query, shown):
    few, other, many = workflows
    ids = {
        "bob": {"project__id__exact": few.project_id},
        "alice": {"project__id__exact": many.project_id},
        "seldom": {"workflow__id__exact": other.pk},
        "1.0.0 of seldom": {"version__id__exact": other.live.version_id},
    }
    filters = {key: value for key, value in query.items() if key != "of"} | ids.get(query.get("of"), {})
    page, statements = asked(operator, **filters)
    assert page.count('<th class="field-created_at') == shown
    assert rows_read(statements) <= READ_AT_MOST
    assert len(statements) <= 11


def test_so_it_does_for_a_member_of_a_small_project(workflows):
    account = get_user_model().objects.create_user("bob", is_staff=True)
    Membership.objects.create(project=workflows[0].project, account=account, role="viewer")
    client = Client()
    client.force_login(account)
    for query in ({}, {"stands": "completed"}, {"stands": "failed"}):
        page, statements = asked(client, **query)
        assert "bob" in page
        assert rows_read(statements) <= READ_AT_MOST


def test_the_first_page_reads_what_is_in_motion(workflows, operator):
    with CaptureQueriesContext(connection) as queries:
        page = operator.get("/admin/").content.decode()
    assert "<strong>47</strong> escalated" in page
    assert rows_read([one["sql"] for one in queries]) <= READ_AT_MOST


def test_a_row_without_an_index_would_be_seen(workflows):
    """Else the tests above could not fail."""
    slow = str(Execution.objects.filter(lane="quality").values("id").query).replace("= quality", "= 'quality'")
    assert rows_read([slow]) == MANY
