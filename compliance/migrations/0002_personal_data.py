"""Requests of the persons behind the data, retention, breaches, closing."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("compliance", "0001_initial")]

    operations: list[migrations.operations.base.Operation] = []
