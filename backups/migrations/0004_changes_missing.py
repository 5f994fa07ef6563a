"""Which targets are short of stored changes."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """One column."""

    dependencies = [("backups", "0003_own_row")]

    operations = [
        migrations.AddField(model_name="plan", name="changes_missing", field=models.JSONField(default=dict)),
    ]
