"""Memberships that end by themselves: those whose moment has come are found by an index."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds one index; nothing of a row changes."""

    dependencies = [("accounts", "0005_withheld")]

    operations = [
        migrations.AddIndex(
            "membership",
            models.Index(
                fields=["tenant", "expires_at"],
                condition=models.Q(state="active", expires_at__isnull=False),
                name="accounts_membership_ending",
            ),
        )
    ]
