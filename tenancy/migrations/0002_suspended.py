"""An organization can be suspended: its business stops, its keys and its duties do not."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Two columns that are empty everywhere, and the right to write them."""

    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.AddField("tenant", "suspended_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "tenant", "suspended_why", models.CharField(blank=True, default="", max_length=16)
        ),
        migrations.AddConstraint(
            "tenant",
            models.CheckConstraint(
                condition=models.Q(suspended_at__isnull=True, suspended_why="")
                | (models.Q(suspended_at__isnull=False) & ~models.Q(suspended_why="")),
                name="tenancy_tenant_suspended",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (suspended_at, suspended_why) ON tenancy_tenant TO strongbox_app",
            "REVOKE UPDATE (suspended_at, suspended_why) ON tenancy_tenant FROM strongbox_app",
        ),
    ]
