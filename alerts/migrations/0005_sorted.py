"""Alerts in the order of a column."""

from django.db import migrations, models
from django.db.models import F, Func, IntegerField

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Three indexes."""

    dependencies = [("alerts", "0004_questions")]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                F("tenant"),
                Func(
                    F("severity"),
                    template="strpos('info low medium high critical', %(expressions)s)",
                    output_field=IntegerField(),
                ),
                F("id"),
                name="alerts_alert_severity",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "count", "id"], name="alerts_alert_count"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["tenant", "last_seen_at", "id"], name="alerts_alert_last_seen"),
        ),
    ]
