"""How a person wants their pages: language, time zone, theme and keys."""

from django.db import migrations, models

from tenancy.migrating import AtOnce


class Migration(AtOnce):
    """Adds columns with constant defaults: no row is rewritten."""

    dependencies = [("accounts", "0006_ending")]

    operations = [
        migrations.AddField("user", "language", models.CharField(blank=True, default="", max_length=8)),
        migrations.AddField("user", "time_zone", models.CharField(blank=True, default="", max_length=64)),
        migrations.AddField(
            "user",
            "theme",
            models.CharField(
                blank=True,
                choices=[("", "System"), ("light", "Light"), ("dark", "Dark")],
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField("user", "single_keys", models.BooleanField(default=True)),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(
                condition=models.Q(theme__in=["", "light", "dark"]), name="accounts_user_theme"
            ),
        ),
    ]
