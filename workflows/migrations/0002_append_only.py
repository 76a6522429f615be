"""What was designed and what went live never changes."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from gateway.append_only import protect, release

TABLES = ("workflows_version", "workflows_publication")


def forwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        protect(schema, table)


def backwards(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    for table in TABLES:
        release(schema, table)


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
