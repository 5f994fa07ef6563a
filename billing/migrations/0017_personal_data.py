"""Restriction, objection and erasure of persons."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("billing", "0016_prepaid")]

    operations: list[migrations.operations.base.Operation] = []
