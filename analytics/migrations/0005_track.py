"""Feedback changes what an execution counts as: the cells have room for it, and the triggers notice it."""

from django.db import migrations, models

from analytics.triggers import install_anew


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0004_triggers_anew'),
        ('executions', '0011_track'),
    ]

    operations = [
        migrations.AddField(
            model_name='executioncell',
            name='rejected',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='executioncell',
            name='reported',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='executioncell',
            name='completed',
            field=models.BigIntegerField(default=0, help_text='Without those that feedback rejected.'),
        ),
        migrations.AlterField(
            model_name='executioncell',
            name='flagged',
            field=models.BigIntegerField(default=0, help_text='Of those that completed or failed: with a flag.'),
        ),
        migrations.AlterField(
            model_name='standing',
            name='ended',
            field=models.CharField(choices=[('completed', 'completed'), ('failed', 'failed'), ('rejected', 'rejected')], max_length=10),
        ),
        migrations.RunPython(install_anew, migrations.RunPython.noop),
    ]
