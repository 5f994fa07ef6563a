"""What a member may not do until a duty is done, and the day by which the next one is due."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds two columns; the table's policies and grants cover them."""

    dependencies = [("accounts", "0004_totpdevice_begun_in")]

    operations = [
        migrations.AddField(
            "membership",
            "withheld",
            ArrayField(models.CharField(max_length=48), blank=True, default=list, size=None),
        ),
        migrations.AddField("membership", "duty_due_on", models.DateField(null=True)),
    ]
