"""An authenticator that waits for its first code belongs to the session that began it.

Those begun before belong to none and are never confirmed: they are begun again.
"""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds one column; the table's policies and grants cover it."""

    dependencies = [("accounts", "0003_invitation_given")]

    operations = [migrations.AddField("totpdevice", "begun_in", models.UUIDField(null=True))]
