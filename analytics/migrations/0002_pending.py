"""From here on every call and every execution leaves a pending row, in its own transaction."""

from django.db import migrations

from analytics.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0001_initial"),
        ("executions", "0002_append_only"),
        ("gateway", "0002_append_only"),
    ]

    operations = [migrations.RunPython(install, remove)]
