"""What was paid ahead and is not used any more."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("billing", "0015_reports")]

    operations: list[migrations.operations.base.Operation] = []
