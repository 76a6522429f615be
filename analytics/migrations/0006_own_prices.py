"""Answers are told apart by step and by the own prices of their calls, and of what completed it is known how much had a flag: what
executions had added to the cells goes, and every execution is pending again. Calls are counted as they were."""

from django.db import migrations, models

from analytics.triggers import count_anew


class Migration(migrations.Migration):
    dependencies = [("analytics", "0005_track")]

    operations = [
        migrations.RunPython(count_anew, migrations.RunPython.noop),
        migrations.AddField(
            model_name="answercell",
            name="batch_saved",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="answercell",
            name="batch_unknown",
            field=models.BigIntegerField(default=0, help_text="In a batch, and one of the two prices is not known."),
        ),
        migrations.AddField(
            model_name="answercell",
            name="price_cache_read",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="answercell",
            name="price_cache_write_1h",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="answercell",
            name="price_cache_write_5m",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="answercell",
            name="price_input",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="answercell",
            name="step",
            field=models.CharField(default="", max_length=100),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="executioncell",
            name="completed_flagged",
            field=models.BigIntegerField(default=0, help_text="Of those that completed, and were not rejected."),
        ),
    ]
