"""An organization's own row is written in its own scope alone.

The rows of organizations are global, and whoever ran a statement of theirs in one scope could seal or suspend every
other. Found by asking, as each role, what it may write of somebody else's.
"""

from django.db import migrations

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """One policy more."""

    dependencies = [("backups", "0002_newest"), ("tenancy", "0002_suspended")]

    operations = [
        migrations.RunSQL(
            "CREATE POLICY own_row ON tenancy_tenant AS RESTRICTIVE FOR UPDATE TO strongbox_app "
            "USING (id = (SELECT app.ctx('tenant', false)))",
            "DROP POLICY own_row ON tenancy_tenant",
        ),
    ]
