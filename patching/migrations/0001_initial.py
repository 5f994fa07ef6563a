"""The first tables of patching."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    initial = True
    dependencies = [("payments", "0005_credit_notes")]

    operations: list[migrations.operations.base.Operation] = []
