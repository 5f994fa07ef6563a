"""Which of the mails that may be spared a person does not want."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds a column with a constant default: no row is rewritten."""

    dependencies = [("accounts", "0008_views")]

    operations = [migrations.AddField("user", "muted_mails", models.JSONField(default=list))]
