"""An invitation remembers what its role gave when it was sent.

Those sent before remember nothing and are refused: they live a day at most, and whoever sent them sends them again.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds one column; the table's policies and grants cover it."""

    dependencies = [("accounts", "0002_retention")]

    operations = [
        migrations.AddField(
            "invitation",
            "given",
            ArrayField(models.CharField(max_length=48), blank=True, default=list, size=None),
        )
    ]
