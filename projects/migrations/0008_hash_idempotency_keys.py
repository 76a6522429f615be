import hashlib

from django.db import migrations, models

AT_ONCE = 2000


def hash_keys(apps, schema_editor):
    """Of the last 48 hours: older ones are deleted anyway."""
    rows, last = apps.get_model("projects", "IdempotencyKey").objects.order_by("pk"), 0
    while batch := list(rows.filter(pk__gt=last)[:AT_ONCE]):
        for row in batch:
            row.key = hashlib.sha256(row.key.encode()).hexdigest()
        rows.model.objects.bulk_update(batch, ["key"])
        last = batch[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ("projects", "0007_tools"),
    ]

    operations = [
        migrations.RunPython(hash_keys, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            model_name="idempotencykey",
            name="key",
            field=models.CharField(help_text="SHA-256 of the key: a caller may put anything into it.", max_length=64),
        ),
    ]
