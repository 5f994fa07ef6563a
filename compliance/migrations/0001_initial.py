"""The first tables of compliance."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    initial = True
    dependencies = [("alerts", "0001_initial")]

    operations: list[migrations.operations.base.Operation] = []
