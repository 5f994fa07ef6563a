"""Events that a receiver of the trail refuses for ever stand beside its place."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0002_delivery")]

    operations = [
        migrations.AddField("auditstream", "set_aside", models.JSONField(default=list)),
    ]
