"""What every test may lean on: no provider but the scripted one and loopback servers, and a database that can be emptied."""

import os
import socket

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connection, transaction
from django.http import HttpResponse

from executions import bell, errands, purses, tool_calls, worker
from gateway import pressure, pricing
from gateway.event_loop import wait_for
from gateway.providers import registry
from notifications import delivering
from projects import keeping, tools
from projects.append_only import protect, protected_tables, release
from tests.published import complaint
from wire.views import View
from workflows import budgets
from workflows.compiled import compiled


@pytest.fixture(autouse=True)
def no_provider_is_reachable(monkeypatch):
    """A connection to anything but this machine is an error, and no key of the environment is seen."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test reached for {address[0]}")
        return connect(self, address)

    look_up = socket.getaddrinfo

    def known(host, *args, **kwargs):
        """No name but this machine's leads anywhere: asking for one would take as long as the network likes."""
        name = host.decode() if isinstance(host, bytes) else host
        if (
            name
            and any(letter.isalpha() for letter in name.partition("%")[0])
            and ":" not in name
            and name != "localhost"
        ):
            raise socket.gaierror(socket.EAI_NONAME, "a test asked for a name")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", known)
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "OPENAI_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory):
    """Each test process has a database of its own. Several threads work on it as they do in earnest: on SQLite that takes
    a file."""
    own = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}_{os.getpid()}"
    if connection.vendor == "sqlite":
        own = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    connection.settings_dict["TEST"]["NAME"] = own


@pytest.fixture(autouse=True, scope="session")
def a_test_database_can_be_emptied():
    """Tests that commit end with a flush, which the append-only triggers refuse. PostgreSQL can tell them to stand still while
    what is in the tables is deleted, which takes a fraction of truncating all of them and making anew what the migrations
    have made; elsewhere they step aside for just that long."""
    handle = flush.Command.handle

    def released(self, **options):
        if connection.vendor == "postgresql" and _is_superuser():
            return _delete_everything()
        tables = protected_tables(connection)
        with connection.schema_editor() as schema:
            release(schema, *tables)
        try:
            handle(self, **options)
        finally:
            with connection.schema_editor() as schema:
                protect(schema, *tables)

    patch = pytest.MonkeyPatch()
    patch.setattr(flush.Command, "handle", released)
    yield
    patch.undo()


MADE_BY_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission"}


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        return cursor.fetchone() == ("on",)


def _delete_everything() -> None:
    tables = sorted(set(connection.introspection.table_names()) - MADE_BY_MIGRATIONS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables))
        full = [table for (table,) in cursor.fetchall()]
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger, and no order of foreign keys
        for table in full:
            cursor.execute(f"DELETE FROM {table}")


@pytest.fixture(autouse=True)
def every_answer_is_as_it_is_published(monkeypatch):
    """Whatever a test asks of the API: the answer's status, headers and body are those of the schema."""
    dispatch, complaints = View.dispatch, []

    def watched(self, request, *args, **kwargs):
        response = dispatch(self, request, *args, **kwargs)
        judged = response
        if response.streaming:
            body = b"".join(response.streaming_content)
            response.streaming_content = [body]
            judged = HttpResponse(body, status=response.status_code, headers=response.headers)
        else:
            response.render()
        complaints.append(complaint(request.resolver_match.route, request.method, judged))
        return response

    monkeypatch.setattr(View, "dispatch", watched)
    yield
    assert not [one for one in complaints if one]


@pytest.fixture(scope="module")
def populated(django_db_setup, django_db_blocker):
    """Made once for all tests of a file, each of which undoes what it does. Those of the file that do not ask for it find it all
    the same."""
    from tests.neighbours import CANARY, populate

    with django_db_blocker.unblock(), transaction.atomic():
        yield populate(CANARY, f"{CANARY}-refund")
        transaction.set_rollback(True)


@pytest.fixture
def foreign(populated, db):
    """A workflow of somebody's, in whose project everything has happened that can."""
    return type(populated).objects.get(pk=populated.pk)


@pytest.fixture(scope="module")
def neighbours(django_db_setup, django_db_blocker):
    """Two projects side by side, likewise: see tests/neighbours.py."""
    from tests import neighbours as cast

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(tools, "_registry", tools.registered())
        patch.setattr(settings, "EMAIL_CONFIGURED", True)
        yield cast.neighbours()
        transaction.set_rollback(True)


@pytest.fixture
def both(neighbours, db):
    return neighbours


@pytest.fixture(autouse=True)
def a_worker_of_its_own():
    """Each test that works is a worker whose row is in its own database, and begins with nothing in mind."""
    yield
    delivering._in_flight.clear()
    delivering._ended.clear()
    cache.clear()  # what was counted of a minute
    worker._current, bell._silent_until = None, None
    compiled.cache_clear()
    pricing._own.clear()
    for client in registry._clients.values():
        if hasattr(client, "close"):
            wait_for(client.close())
    registry.forget()
    errands.forget()
    keeping._known.clear()
    budgets._stated.clear()
    pressure._gates.clear()
    pressure._shares.clear()
    pressure._since.clear()
    tool_calls._gates.clear()
    purses._purses.clear()
