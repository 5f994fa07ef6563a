"""What a member may not do until a duty is done."""

from django.db import migrations


class Migration(migrations.Migration):
    """Nothing yet."""

    dependencies = [("accounts", "0004_totpdevice_begun_in")]

    operations: list[migrations.operations.base.Operation] = []
