"""How an organization's documents look."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Two columns with a default each: no row is written again."""

    dependencies = [("billing", "0018_messages")]

    operations: list[migrations.operations.base.Operation] = [
        migrations.AddField("issuer", "accent", models.CharField(blank=True, default="", max_length=7)),
        migrations.AddField(
            "issuer",
            "layout",
            models.CharField(
                choices=[("classic", "classic"), ("compact", "compact")], default="classic", max_length=8
            ),
        ),
    ]
