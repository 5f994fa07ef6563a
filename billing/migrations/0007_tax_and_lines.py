"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0006_bank_account_written_at")]

    operations: list[migrations.operations.base.Operation] = []
