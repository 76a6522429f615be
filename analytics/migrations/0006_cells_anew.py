"""The cells tell more apart: executions by lane, latencies by version and lane, calls by how long they took, and used answers by
step and by the prices of their own calls. So they are filled anew."""

from django.db import migrations, models

from analytics.triggers import catch_up, empty, empty_again


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0005_track'),
    ]

    operations = [
        migrations.RunPython(empty, empty_again),
        migrations.AddField(
            model_name='executioncell',
            name='lane',
            field=models.CharField(default='', max_length=10),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='latencycell',
            name='lane',
            field=models.CharField(default='', max_length=10),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='latencycell',
            name='version',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='standing',
            name='lane',
            field=models.CharField(default='', max_length=10),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name='AskedCell',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('project', models.BigIntegerField()),
                ('workflow', models.BigIntegerField(null=True)),
                ('simulated', models.BooleanField()),
                ('day', models.DateField(help_text='UTC')),
                ('version', models.BigIntegerField(null=True)),
                ('step', models.CharField(max_length=100)),
                ('tier', models.CharField(max_length=10)),
                ('provider', models.CharField(max_length=50)),
                ('model_planned', models.CharField(max_length=200)),
                ('lane', models.CharField(max_length=10)),
                ('histogram', models.JSONField(default=dict)),
                ('prefixes', models.JSONField(default=dict, help_text='In tokens.')),
            ],
            options={
                'indexes': [models.Index(fields=['project', 'simulated', 'workflow', 'day'], name='asked_cell_days')],
            },
        ),
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
        migrations.RunPython(catch_up, migrations.RunPython.noop),
    ]
