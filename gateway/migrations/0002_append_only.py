"""The ledger refuses UPDATE and DELETE in the database itself."""

from django.db import migrations

from projects.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("gateway", "0001_initial")]

    operations = [append_only("gateway_intent", "gateway_call")]
