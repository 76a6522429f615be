"""Queries on a real PostgreSQL and on an SQLite file: they answer what was asked, and nothing that is tried writes, waits or
fills the memory."""

import os
import sqlite3
import time
from contextlib import suppress

import psycopg
import pytest
from django.db import connection

from projects.models import ToolVariable
from projects.tools import NoAnswer, NotTaken, ToolError
from tests.cast import make_project
from tests.toolbox.rows import TEXT, call, faults, sql
from toolbox import statement
from toolbox.arguments import named

pytestmark = pytest.mark.django_db
POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="there is no PostgreSQL here")
NUMBER = named(number=TEXT)
ORDERS = """
CREATE TABLE orders (number text PRIMARY KEY, paid numeric(10, 2), on_day date, at timestamptz, big bigint, note text);
INSERT INTO orders VALUES ('A100', 40.00, '2026-03-01', '2026-03-01T12:00:00+00', 9007199254740993, null),
                          ('B200', 7.50, '2026-03-02', '2026-03-02T12:00:00+00', 1, '100% of it');
CREATE FUNCTION pays() RETURNS int LANGUAGE sql AS 'INSERT INTO orders VALUES (''C300'') RETURNING 1';
"""


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker):
    """A database of its own, and a role that may do in it whatever it likes: what is refused, the tool refuses."""
    place = connection.settings_dict
    where = {"host": place["HOST"], "port": place["PORT"], "user": place["USER"], "password": place["PASSWORD"]}
    name, role = f"shop_{os.getpid()}", f"asker_{os.getpid()}"
    with psycopg.connect(**where, dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'a long password'")
        server.execute(f"CREATE DATABASE {name} OWNER {role}")
    with psycopg.connect(**{**where, "user": role, "password": "a long password"}, dbname=name) as database:
        database.execute(ORDERS)
    yield f"postgresql://{role}:a%20long%20password@{place['HOST']}:{place['PORT']}/{name}"
    with psycopg.connect(**where, dbname="postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute(f"DROP ROLE {role}")


@pytest.fixture
def project(monkeypatch, request):
    if "shop" in request.fixturenames:
        monkeypatch.setenv("SQL_SHOP_URL", request.getfixturevalue("shop"))
    project = make_project("shop")
    ToolVariable.objects.create(project=project, name="SQL_SHOP_URL")
    return project


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE orders (number TEXT PRIMARY KEY, paid TEXT, big INTEGER)")
        made.execute("INSERT INTO orders VALUES ('A100', '40.00', 9007199254740993), ('B200', '7.50', 1)")
    made.close()
    monkeypatch.setenv("SQL_SHOP_URL", f"sqlite:///{path}")
    return path


def error_of(tool, **arguments) -> str:
    with pytest.raises(ToolError) as found:
        call(tool, **arguments)
    return str(found.value)


# What it answers.


@POSTGRESQL
def test_it_answers_rows_as_json(shop, project):
    tool = sql(project, "SELECT * FROM orders WHERE number = :number;", NUMBER)
    assert faults(tool) == {}
    row = {
        **{"number": "A100", "paid": "40.00", "on_day": "2026-03-01", "at": "2026-03-01T12:00:00+00:00"},
        **{"big": "9007199254740993", "note": None},
    }
    found = call(tool, number="A100")
    found["rows"][0]["at"] = "2026-03-01T12:00:00+00:00"  # in whichever zone the server is
    assert found == {"rows": [row], "count": 1, "truncated": False}
    assert call(tool, number="Z") == {"rows": [], "count": 0, "truncated": False}


@POSTGRESQL
def test_of_exactly_one_row_it_answers_the_row(shop, project):
    tool = sql(project, "SELECT paid FROM orders WHERE number LIKE :number", NUMBER, one=True)
    assert call(tool, number="A%") == {"paid": "40.00"}
    assert error_of(tool, number="Z%") == "No row."
    assert error_of(tool, number="%") == "More than one row."


@POSTGRESQL
def test_an_argument_that_is_missing_is_null_and_a_list_is_an_array(shop, project):
    takes = {"type": "object", "properties": {"numbers": {"type": "array"}, "least": {"type": "number"}}}
    query = "SELECT number FROM orders WHERE number = ANY(:numbers) AND (:least::numeric IS NULL OR paid >= :least) ORDER BY 1"
    tool = sql(project, query, takes)
    assert faults(tool) == {}
    assert [row["number"] for row in call(tool, numbers=["A100", "B200"])["rows"]] == ["A100", "B200"]
    assert [row["number"] for row in call(tool, numbers=["A100", "B200"], least=10)["rows"]] == ["A100"]


@POSTGRESQL
def test_rows_and_bytes_have_a_limit(shop, project):
    many = "SELECT n, repeat('x', 100) AS x FROM generate_series(1, 100000) AS n"
    found = call(sql(project, many, max_rows=3))
    assert ([row["n"] for row in found["rows"]], found["count"], found["truncated"]) == ([1, 2, 3], 3, True)
    found = call(sql(project, many, max_rows=10_000, max_bytes=5000))
    assert 30 < found["count"] < 50
    assert found["truncated"] is True


@POSTGRESQL
def test_a_value_of_a_hundred_megabytes_never_leaves_the_server(shop, project):
    tool = sql(project, "SELECT repeat('x', 100000000) AS x", timeout=30)
    assert error_of(tool) == "A row has more bytes than the tool may take."


@POSTGRESQL
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT 1 AS a, 2 AS a", "Two columns are called 'a'"),
        ("SELECT 'x'::bytea AS b", "The column 'b' is binary"),
        ("SELECT nothing FROM orders", 'column "nothing" does not exist'),
        ("SELECT 1 / 0 AS x", "division by zero"),
    ],
)
def test_what_cannot_be_answered_is_an_error_that_says_why(query, said, shop, project):
    assert said in error_of(sql(project, query))


@POSTGRESQL
def test_what_json_cannot_say_is_a_text(shop, project):
    query = """SELECT 'NaN'::float8 AS a, '1e400'::numeric AS b, '1 day'::interval AS c, '10.0.0.1'::inet AS d,
        '{"x": [1.5]}'::jsonb AS e, ARRAY[1.10, null] AS f, 1.5::float8 AS g, gen_random_uuid() AS h"""
    row = call(sql(project, query, one=True))
    assert (row["a"], len(row["b"]), row["d"], row["e"]) == ("nan", 401, "10.0.0.1", {"x": [1.5]})
    assert (row["c"], row["f"], row["g"], len(row["h"])) == ("1 day, 0:00:00", ["1.10", None], 1.5, 36)


# A value is a value.

HOSTILE = [
    "'; DROP TABLE orders; --",
    "' OR '1'='1",
    "A100' UNION SELECT usename, 1 FROM pg_user --",
    "\\'; SELECT pg_sleep(10); --",
    "%s %(number)s {number} :number $1 ?",
    "$$; DROP TABLE orders; $$",
    "🙂 \u202e /* -- */ */",
    "x" * 100_000,
]


@POSTGRESQL
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_value_is_only_a_value(value, shop, project):
    tool = sql(project, "SELECT :number AS said, count(*) AS n FROM orders WHERE number = :number", NUMBER, one=True)
    assert call(tool, number=value) == {"said": value, "n": 0}
    assert call(sql(project, "SELECT count(*) AS n FROM orders", one=True)) == {"n": 2}


# Nothing is written.

WRITES = [
    "INSERT INTO orders VALUES ('X')",
    "UPDATE orders SET paid = 0",
    "DELETE FROM orders",
    "CREATE TABLE more (x int)",
    "DROP TABLE orders",
    "COPY orders TO PROGRAM 'cat'",
    "SET default_transaction_read_only = off",
    "SELECT 1; DELETE FROM orders",
    "SELECT 1) AS x; DELETE FROM orders; SELECT * FROM (SELECT 1",
    "VACUUM",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "CALL pays()",
    "LISTEN x",
]


@pytest.mark.parametrize("query", WRITES)
def test_what_is_no_question_is_refused_when_it_is_saved_and_when_it_is_called(query, project, monkeypatch):
    monkeypatch.setenv("SQL_SHOP_URL", "postgresql://nobody@127.0.0.1:9/shop")
    tool = sql(project, query)
    assert faults(tool).keys() == {"query"}
    assert error_of(tool) == faults(tool)["query"]


@POSTGRESQL
@pytest.mark.parametrize(
    "query",
    [
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT pays()",
        "SELECT number INTO more FROM orders",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT set_config('transaction_read_only', 'off', false), pays()",
        "SELECT nextval('s') FROM (SELECT 1) AS x",
    ],
)
def test_what_looks_like_a_question_and_writes_is_refused_by_the_server(query, shop, project):
    assert faults(sql(project, query)) == {}
    error_of(sql(project, query))
    assert call(sql(project, "SELECT count(*) AS n FROM orders", one=True)) == {"n": 2}


@POSTGRESQL
def test_what_a_server_lets_through_is_rolled_back(shop, project):
    """Before its version 16 PostgreSQL made a large object in a transaction that reads only."""
    with suppress(ToolError):
        call(sql(project, "SELECT lo_create(0)"))
    assert call(sql(project, "SELECT count(*) AS n FROM pg_largeobject_metadata", one=True)) == {"n": 0}


@POSTGRESQL
@pytest.mark.parametrize("query", [one for one in WRITES if not one.startswith("SELECT 1)")])
def test_even_what_nobody_read_before_is_refused_by_the_server(query, shop, project, monkeypatch):
    """The text is not what keeps a query from writing: the same, without our look at it."""
    monkeypatch.setattr(statement, "read", lambda text: statement.Statement(text, ()))
    monkeypatch.setattr(statement, "_COMPLAINTS", {})
    error_of(sql(project, query))
    assert call(sql(project, "SELECT count(*) AS n FROM orders", one=True)) == {"n": 2}


@POSTGRESQL
def test_a_transaction_that_reads_only_is_what_it_runs_in(shop, project):
    query = (
        "SELECT current_setting('transaction_read_only') AS a, current_setting('default_transaction_read_only') AS b"
    )
    assert call(sql(project, query, one=True)) == {"a": "on", "b": "on"}


# Nobody waits.


@POSTGRESQL
@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_sleep(30)",
        "SELECT set_config('statement_timeout', '0', false), pg_sleep(30)",
        "SELECT count(*) FROM generate_series(1, 1000000000000)",
    ],
)
def test_a_query_that_takes_too_long_is_cut(query, shop, project):
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.5 s"):
        call(sql(project, query, timeout=0.5))
    assert time.monotonic() - began < 8


@POSTGRESQL
def test_a_table_that_is_locked_is_waited_for_as_long(shop, project):
    with psycopg.connect(shop) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises((NotTaken, NoAnswer)):
            call(sql(project, "SELECT * FROM orders", timeout=0.5))
        other.rollback()


def test_a_database_that_nobody_serves_is_not_reached(project, monkeypatch):
    monkeypatch.setenv("SQL_SHOP_URL", "postgresql://rosa:a-long-password@127.0.0.1:9/shop")
    with pytest.raises(NotTaken) as found:
        call(sql(project, "SELECT 1 AS x"))
    assert str(found.value) == "The database cannot be reached."


# Which database.


@POSTGRESQL
def test_a_superuser_is_refused(project, monkeypatch):
    place = connection.settings_dict
    monkeypatch.setenv("SQL_SHOP_URL", f"postgresql://postgres@{place['HOST']}:{place['PORT']}/template1")
    assert "name one that may only read" in error_of(sql(project, "SELECT 1 AS x"))


def test_the_services_own_database_is_refused(project, monkeypatch):
    place = connection.settings_dict
    own = f"sqlite:///{place['NAME']}"
    if connection.vendor == "postgresql":
        own = f"postgresql://somebody@localhost:{place['PORT']}/{place['NAME']}"
    monkeypatch.setenv("SQL_SHOP_URL", own)
    assert error_of(sql(project, "SELECT 1 AS x")) == "This is the service's own database: no tool asks it."


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "ANTHROPIC_API_KEY", "SECRET_KEY", "SQL_OTHER_URL", "", "SQL_SHOP_URL\n"]
)
def test_only_a_variable_that_the_operator_gave_this_project_is_read(name, project, monkeypatch):
    monkeypatch.setenv("SQL_OTHER_URL", "postgresql://nobody@127.0.0.1:9/shop")
    tool = sql(project, "SELECT 1 AS x", source=name)
    assert faults(tool).keys() == {"source"}
    assert error_of(tool) == faults(tool)["source"]


def test_what_the_operator_takes_back_is_out_of_reach_at_once(project, file):
    tool = sql(project, "SELECT 1 AS x", one=True)
    assert call(tool) == {"x": 1}
    ToolVariable.objects.all().delete()
    assert "may not use SQL_SHOP_URL" in error_of(tool)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "SQL_SHOP_URL is not set"),
        ("mysql://a@b/c", "is no address such as postgres://"),
        ("postgresql://a:secret-password@host:port/x", "The database cannot be reached."),
        ("postgresql://a:secret-password@host/x?nothing=1", "The address of the database cannot be read."),
        ("sqlite:////no/such/file.sqlite3", "cannot be read at this moment"),
    ],
)
def test_an_address_that_is_none_is_said_without_being_shown(address, said, project, monkeypatch):
    monkeypatch.setenv("SQL_SHOP_URL", address)
    found = error_of(sql(project, "SELECT 1 AS x"))
    assert said in found
    assert "secret" not in found


# When it is saved.


@pytest.mark.parametrize(
    ("query", "takes", "field", "said"),
    [
        ("SELECT :number", named(), "query", "The parameter :number is no argument"),
        ("SELECT 1", NUMBER, "query", "'number' stands nowhere in the query"),
        ("SELECT %(number)s", NUMBER, "query", "Write a parameter as :name."),
        ("SELECT ':number'", NUMBER, "query", "stands nowhere in the query"),
        ("SELECT (1", named(), "query", "never closed"),
        ("SELECT 'a", named(), "query", "quotation mark"),
        ("SELECT 1 /* a /* b */", named(), "query", "comment"),
        ("", named(), "query", "begins with SELECT"),
        ("SELECT :x", named(x={"type": "object"}), "query", "is an object"),
        ("SELECT 1", {"type": "object"}, "input_schema", "Write a schema such as"),
        ("SELECT :x", {"type": "object", "properties": {"x": {"type": "txt"}}}, "input_schema", "/properties/x/type"),
        ("SELECT :x", named(x={"pattern": "("}), "input_schema", "/properties/x/pattern"),
        ("SELECT 1", {**named(), "additionalProperties": True}, "input_schema", "additionalProperties"),
        ("SELECT 1", {**named(), "required": ["y"]}, "input_schema", "'y' is required"),
        ("SELECT :idempotency_key", named(idempotency_key=TEXT), "input_schema", "is taken"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(query, takes, field, said, project):
    found = faults(sql(project, query, takes))
    assert said in found[field]


def test_an_answer_that_breaks_its_schema_and_an_output_schema_that_is_none(project, file):
    assert "output_schema" in faults(sql(project, "SELECT 1 AS x", output_schema={"type": "txt"}))
    assert "side_effects" in faults(sql(project, "SELECT 1 AS x", side_effects=True))


# An SQLite file.


def test_it_asks_an_sqlite_file(project, file):
    tool = sql(project, "SELECT number, paid, big FROM orders WHERE number = :number", NUMBER, one=True)
    assert call(tool, number="A100") == {"number": "A100", "paid": "40.00", "big": "9007199254740993"}
    for value in HOSTILE[:-1]:
        assert error_of(tool, number=value) == "No row."
    assert call(sql(project, "SELECT number FROM orders", max_rows=1))["truncated"] is True


@pytest.mark.parametrize(
    "query",
    [
        *("INSERT INTO orders VALUES ('X', 1, 1)", "DELETE FROM orders", "DROP TABLE orders"),
        *(
            "PRAGMA query_only = OFF",
            "ATTACH '/tmp/other.sqlite3' AS o",
            "SELECT load_extension('x')",
            "VACUUM INTO '/tmp/x'",
        ),
        *("SELECT * FROM pragma_table_info('orders')", "WITH x AS (SELECT 1) DELETE FROM orders", "SELECT 1; SELECT 2"),
    ],
)
def test_an_sqlite_file_is_only_asked(query, project, file, monkeypatch):
    monkeypatch.setattr(statement, "read", lambda text: statement.Statement(text, ()))
    before = file.read_bytes()
    error_of(sql(project, query))
    assert file.read_bytes() == before


def test_a_query_on_a_file_has_its_time_and_its_size(project, file):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
    with pytest.raises(NoAnswer):
        call(sql(project, endless, timeout=0.3))
    assert error_of(sql(project, "SELECT zeroblob(100000000) AS x")) == "A row has more bytes than the tool may take."
