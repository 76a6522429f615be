"""What was designed and what went live never changes."""

from django.db import migrations

from projects.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [append_only("workflows_version", "workflows_publication")]
