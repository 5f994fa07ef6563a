"""A portal access names a customer of its own organization.

The row stands in accounts, below billing, which therefore knows the customer by a bare id; the key is made here.
"""

from django.db import migrations

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Needs both tables."""

    dependencies = [("billing", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_portalaccess ADD CONSTRAINT accounts_portalaccess_customer_id_tfk "
            "FOREIGN KEY (tenant_id, customer_id) REFERENCES billing_customer (tenant_id, id) "
            "ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE accounts_portalaccess DROP CONSTRAINT accounts_portalaccess_customer_id_tfk",
        )
    ]
