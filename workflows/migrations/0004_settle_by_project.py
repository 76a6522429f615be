"""A call that settles holds a lock of its project, shared: who states a budget has it alone while the ledger is summed up."""

from django.db import migrations

SETTLE = """
    CREATE OR REPLACE FUNCTION settle_budgets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock_shared(11589351, (NEW.project % 2147483647)::int);
        DELETE FROM workflows_reservation WHERE intent = NEW.intent_id;
        INSERT INTO workflows_spent (budget_id, begins, simulated, amount)
        SELECT id, CASE period WHEN 'total' THEN DATE '1970-01-01'
            ELSE date_trunc(period, NEW.finished_at AT TIME ZONE 'UTC')::date END, NEW.simulated, NEW.cost
        FROM workflows_budget
        WHERE project_id = NEW.project AND (workflow_id IS NULL OR workflow_id = NEW.workflow)
        AND NEW.cost IS NOT NULL AND NOT NEW.reported
        ON CONFLICT (budget_id, begins, simulated) DO UPDATE SET amount = workflows_spent.amount + excluded.amount;
        RETURN NULL;
    END $$
"""


def forwards(apps, schema):
    if schema.connection.vendor == "postgresql":
        schema.execute(SETTLE, params=None)


class Migration(migrations.Migration):
    dependencies = [("workflows", "0003_settle_budgets")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
