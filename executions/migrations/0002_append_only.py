"""The history of executions is only ever added to."""

from django.db import migrations

from projects.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("executions", "0001_initial")]

    operations = [append_only("executions_event")]
