"""How settings are put in order, and broken."""

import stat
from pathlib import Path

from django.conf import settings as django_settings

from tests.services.compliance.stories.told import Told, World, story


@story("configuration.browser")
class BrowserTold(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.SESSION_COOKIE_SECURE = world.settings.CSRF_COOKIE_SECURE = True
        world.settings.SESSION_COOKIE_NAME = "__Host-strongbox"
        world.settings.CSRF_COOKIE_NAME = "__Host-csrf"
        world.settings.SECURE_SSL_REDIRECT = True
        world.settings.SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600

    def harm(self, world: World) -> None:
        world.settings.SECURE_HSTS_SECONDS = 3600


@story("configuration.switched_off")
class SwitchedOff(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.DEMO = False

    def harm(self, world: World) -> None:
        world.settings.DEBUG = True


@story("configuration.transport")
class Transport(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.CELERY_BROKER_URL = "redis://queue.example.com:6379/0"


@story("configuration.formats")
class Formats(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.CELERY_ACCEPT_CONTENT = ["json", "pickle"]


@story("configuration.key_files")
class KeyFiles(Told):
    commits = False

    def mend(self, world: World) -> None:
        key = world.folder / "root.key"
        key.write_text("0" * 64)
        key.chmod(0o600)
        world.settings.ROOT_KEY_FILE = key

    def harm(self, world: World) -> None:
        Path(django_settings.ROOT_KEY_FILE).chmod(0o644)
        assert stat.S_IMODE(Path(django_settings.ROOT_KEY_FILE).stat().st_mode) == 0o644


@story("configuration.outgoing")
class Outgoing(Told):
    commits = False

    def mend(self, world: World) -> None:
        world.settings.OUTBOUND_PRIVATE_ORIGINS = []

    def harm(self, world: World) -> None:
        world.settings.OUTBOUND_PRIVATE_ORIGINS = ["http://10.0.0.7:8080"]


@story("configuration.timeouts")
class Timeouts(Told):
    def harm(self, world: World) -> None:
        """Asked on a connection whose statement may run for ever."""
        from django.db import connection

        connection.close()
        options = connection.settings_dict["OPTIONS"]
        world.monkeypatch.setitem(options, "options", "-c statement_timeout=0")
