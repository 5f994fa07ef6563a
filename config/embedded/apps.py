"""The demo's commands; this app is installed by the development settings alone."""

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """Brings `demo_seed` and `demo_credentials`."""

    name = "config.embedded"
    label = "embedded"
