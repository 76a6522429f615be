"""What the queue of people is counted and walked by; and flags that are in redesign."""

import django.db.models.deletion
from django.db import migrations, models

STATES = [("open", "Open"), ("in_redesign", "In Redesign"), ("resolved", "Resolved"), ("dismissed", "Dismissed")]
OF_THEIR_EXECUTIONS = """
    UPDATE executions_flag SET workflow_id =
    (SELECT workflow_id FROM executions_execution WHERE executions_execution.id = executions_flag.execution_id)
    WHERE workflow_id IS NULL
"""


def widen(apps: object, schema: object) -> None:
    """By hand: SQLite, which holds no text to a length, would make the table anew, and the triggers on it would fall."""
    if schema.connection.vendor == "postgresql":
        schema.execute("ALTER TABLE executions_flag ALTER COLUMN state TYPE varchar(12)")


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0008_calling"),
        ("workflows", "0006_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="flag",
            name="workflow",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="workflows.workflow",
            ),
        ),
        migrations.AlterField(
            model_name="flag",
            name="resolution",
            field=models.CharField(
                blank=True,
                choices=[
                    ("answered", "Answered"),
                    ("dismissed", "Dismissed"),
                    ("retry", "Retry"),
                    ("redesign", "Redesign"),
                    ("overdue", "Overdue"),
                ],
                max_length=10,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="flag",
                    name="state",
                    field=models.CharField(choices=STATES, default="open", max_length=12),
                ),
            ],
            database_operations=[migrations.RunPython(widen, migrations.RunPython.noop)],
        ),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                condition=models.Q(("state", "open"), ("waiting", True)),
                fields=["id", "workflow", "reason", "role"],
                name="flag_standing",
            ),
        ),
        migrations.AddIndex(
            model_name="flag",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["workflow", "step", "reason", "edge_case", "role", "waiting", "id"],
                name="flag_alike",
            ),
        ),
        migrations.RunSQL(OF_THEIR_EXECUTIONS, migrations.RunSQL.noop),
    ]
