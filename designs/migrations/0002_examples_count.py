from django.db import migrations, models


def count(apps, schema_editor):
    designs = apps.get_model("designs", "Design").objects
    for pk, examples in designs.values_list("pk", "examples").iterator(100):
        designs.filter(pk=pk).update(examples_count=len(examples))


class Migration(migrations.Migration):

    dependencies = [
        ('designs', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='design',
            name='examples_count',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='How many it was given.'),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
