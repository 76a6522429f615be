"""SQLite makes a table anew to change it, and what hung on it falls: the triggers are set again behind such changes."""

from django.db import migrations

from analytics.triggers import install, remove


def set_anew(apps: object, schema: object) -> None:
    remove(apps, schema)
    install(apps, schema)


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_catch_up"), ("executions", "0007_judges")]

    operations = [migrations.RunPython(set_anew, migrations.RunPython.noop)]
