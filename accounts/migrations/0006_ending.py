"""Memberships that end by themselves."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("accounts", "0005_withheld")]

    operations: list[migrations.operations.base.Operation] = []
