"""The triggers that write `Pending` rows: whoever writes the ledger or an execution, in whatever way, leaves one behind.

They stand in the database itself, beside the append-only ones, so that no writer can forget them and none pays for them
in Python. A migration that makes one of these tables anew (as SQLite does to alter one) has to install them again.
"""

from dataclasses import dataclass

from django.apps.registry import Apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from .snapshot import FOLDING

# What a finished execution may change into and from: `queued` to `running`, say, changes no figure.
COUNTED = "('completed', 'failed', 'escalated')"
COLUMNS = "INSERT INTO analytics_pending (project, workflow, call, corrects, execution, accepted)"
AN_EXECUTION = f"{COLUMNS} VALUES (NEW.project_id, NEW.workflow_id, NULL, NULL, NEW.id,"
AN_OLDER_EXECUTION = "SELECT project_id, workflow_id, NULL, NULL, id, FALSE FROM executions_execution"


@dataclass(frozen=True)
class Trigger:
    name: str
    table: str
    event: str
    leaves: str
    when: str = ""


FIRST = (
    Trigger(
        name="pending_call",
        table="gateway_call",
        event="INSERT",
        leaves=f"{COLUMNS} VALUES (NEW.project, NEW.workflow, NEW.id, NEW.corrects_id, NULL, FALSE)",
    ),
    Trigger(
        name="pending_acceptance",
        table="executions_execution",
        event="INSERT",
        leaves=f"{AN_EXECUTION} TRUE)",
    ),
    Trigger(
        name="pending_change",
        table="executions_execution",
        event="UPDATE OF status, finished_at",
        when=f"WHEN (OLD.status IN {COUNTED} OR NEW.status IN {COUNTED})",
        leaves=f"{AN_EXECUTION} FALSE)",
    ),
    Trigger(
        name="pending_flag",
        table="executions_flag",
        event="INSERT",
        leaves=f"{COLUMNS} {AN_OLDER_EXECUTION} WHERE id = NEW.execution_id",
    ),
)

# What came with later columns, which an older migration does not know.
TRIGGERS = (
    *FIRST,
    Trigger(
        name="pending_judgement",
        table="executions_execution",
        event="UPDATE OF judged_right",
        leaves=f"{AN_EXECUTION} FALSE)",
    ),
)

LISTED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}

# What was there before the triggers has to be folded as well; what came since has left its row already.
BEFORE = (
    f"{COLUMNS} SELECT project, workflow, id, corrects_id, NULL, FALSE FROM gateway_call "  # noqa: S608
    "WHERE id NOT IN (SELECT call FROM analytics_pending WHERE call IS NOT NULL)",
    f"{COLUMNS} SELECT project_id, workflow_id, NULL, NULL, id, TRUE FROM executions_execution "  # noqa: S608
    "WHERE id NOT IN (SELECT execution FROM analytics_pending WHERE accepted)",
)


def install(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Of the first migration: from now on every row leaves a pending one."""
    for trigger in FIRST:
        create(schema, trigger)


def install_anew(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Of a later one."""
    remove(apps, schema)
    for trigger in TRIGGERS:
        create(schema, trigger)


def catch_up(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Of the next one, for it may take a while, and the lock of the first must not: older rows leave theirs."""
    for statement in BEFORE:
        schema.execute(statement)


CELLS = ("callcell", "answercell", "executioncell", "latencycell", "standing", "escalation")


def empty(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Of a migration after which the cells tell more apart than before: what they hold is counted anew, see `catch_up`. Whoever
    folds now has finished first, and nobody begins before the migration ends: nothing counts twice."""
    if schema.connection.vendor == "postgresql":
        schema.execute(f"SELECT pg_advisory_xact_lock({FOLDING})")
    for name in CELLS:
        schema.execute(f"DELETE FROM analytics_{name}")  # noqa: S608


def empty_again(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Of the way back, when the tables are as they were."""
    empty(apps, schema)
    catch_up(apps, schema)


def remove(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    for trigger in TRIGGERS:
        drop(schema, trigger)


def create(schema: BaseDatabaseSchemaEditor, trigger: Trigger) -> None:
    head = f"CREATE TRIGGER {trigger.name} AFTER {trigger.event} ON {trigger.table} FOR EACH ROW {trigger.when}"
    if schema.connection.vendor == "postgresql":
        body = f"BEGIN {trigger.leaves}; RETURN NULL; END"
        schema.execute(f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        schema.execute(f"{head} EXECUTE FUNCTION {trigger.name}()")
    else:
        schema.execute(f"{head} BEGIN {trigger.leaves}; END")


def drop(schema: BaseDatabaseSchemaEditor, trigger: Trigger) -> None:
    if schema.connection.vendor == "postgresql":
        schema.execute(f"DROP FUNCTION IF EXISTS {trigger.name}() CASCADE")
    else:
        schema.execute(f"DROP TRIGGER IF EXISTS {trigger.name}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of the triggers that this database should have and has not."""
    with connection.cursor() as cursor:
        cursor.execute(LISTED[connection.vendor])
        there = {name for (name,) in cursor.fetchall()}
    return [trigger.name for trigger in TRIGGERS if trigger.name not in there]
