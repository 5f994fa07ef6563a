"""Money out that waits while somebody looks."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("payments", "0005_credit_notes")]

    operations: list[migrations.operations.base.Operation] = []
