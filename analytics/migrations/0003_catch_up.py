"""What was written before the triggers is pending too."""

from django.db import migrations

from analytics.triggers import catch_up


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_pending")]

    operations = [migrations.RunPython(catch_up, migrations.RunPython.noop)]
