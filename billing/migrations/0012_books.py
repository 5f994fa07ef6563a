"""Reserved."""

from django.db import migrations


class Migration(migrations.Migration):
    """Follows its neighbour."""

    dependencies = [("billing", "0011_customers_and_contacts")]

    operations: list[migrations.operations.base.Operation] = []
