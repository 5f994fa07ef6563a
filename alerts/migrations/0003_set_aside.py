"""Events that a receiver of the trail refuses for ever stand beside its place."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    dependencies = [("alerts", "0002_delivery")]

    operations = [
        migrations.AddField("auditstream", "set_aside", models.JSONField(default=list)),
    ]
