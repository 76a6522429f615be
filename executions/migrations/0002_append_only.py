"""The history of executions is only ever added to."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from gateway.append_only import protect, release

TABLES = ("executions_event",)


def forwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        protect(schema, table)


def backwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        release(schema, table)


class Migration(migrations.Migration):
    dependencies = [("executions", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
