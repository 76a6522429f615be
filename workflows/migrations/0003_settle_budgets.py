"""Each row of the ledger settles the budgets it belongs to, in the database itself and in the row's own transaction."""

from django.db import migrations

SPENT = """
    INSERT INTO workflows_spent (budget_id, begins, simulated, amount)
    SELECT id, {begins}, NEW.simulated, NEW.cost FROM workflows_budget
    WHERE project_id = NEW.project AND (workflow_id IS NULL OR workflow_id = NEW.workflow)
    AND NEW.cost IS NOT NULL AND NOT NEW.reported
    ON CONFLICT (budget_id, begins, simulated) DO UPDATE SET amount = workflows_spent.amount + excluded.amount
"""
GIVEN_BACK = "DELETE FROM workflows_reservation WHERE intent = NEW.intent_id"

ON_POSTGRESQL = SPENT.format(begins="""
    CASE period WHEN 'total' THEN DATE '1970-01-01'
    ELSE date_trunc(period, NEW.finished_at AT TIME ZONE 'UTC')::date END
""")
ON_SQLITE = SPENT.format(begins="""
    CASE period WHEN 'total' THEN '1970-01-01' WHEN 'month' THEN strftime('%Y-%m-01', NEW.finished_at)
    ELSE strftime('%Y-%m-%d', NEW.finished_at) END
""")


def forwards(apps, schema):
    if schema.connection.vendor == "postgresql":
        body = f"BEGIN {GIVEN_BACK}; {ON_POSTGRESQL}; RETURN NULL; END"
        schema.execute(f"CREATE FUNCTION settle_budgets() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$", params=None)
        trigger = "CREATE TRIGGER settle_budgets AFTER INSERT ON gateway_call FOR EACH ROW"
        schema.execute(f"{trigger} EXECUTE FUNCTION settle_budgets()")
    else:
        trigger = "CREATE TRIGGER settle_budgets AFTER INSERT ON gateway_call"
        schema.execute(f"{trigger} BEGIN {GIVEN_BACK}; {ON_SQLITE}; END", params=None)


def backwards(apps, schema):
    on = " ON gateway_call" if schema.connection.vendor == "postgresql" else ""
    schema.execute(f"DROP TRIGGER settle_budgets{on}")
    if on:
        schema.execute("DROP FUNCTION settle_budgets()")


class Migration(migrations.Migration):
    dependencies = [("workflows", "0002_append_only"), ("gateway", "0002_append_only")]

    operations = [migrations.RunPython(forwards, backwards)]
