"""A management command under production settings with drawn secrets, without engines: what `make check` runs.

`python -m config.embedded.check check --deploy` says what is wrong with settings/base.py itself.
"""

from __future__ import annotations

import os
import secrets
import sys

from django.core.management import execute_from_command_line

VALUES = {
    "STRONGBOX_SECRET_KEY": secrets.token_urlsafe(64),
    "STRONGBOX_PUBLIC_URL": "https://billing.example.com",
    # nobody listens there: these commands look at code, not at data
    "STRONGBOX_DB_HOST": "/nonexistent",
    "STRONGBOX_DB_NAME": "strongbox",
    "STRONGBOX_DB_APP_PASSWORD": secrets.token_urlsafe(32),
    "STRONGBOX_CONTEXT_KEY": secrets.token_hex(32),
    "STRONGBOX_PEPPER": secrets.token_hex(32),
    "STRONGBOX_NETWORK_KEY": secrets.token_hex(32),
    "STRONGBOX_BROKER_URL": "rediss://broker@localhost/0",
    "STRONGBOX_CACHE_URL": "rediss://cache@localhost/1",
    "STRONGBOX_FILES_DIR": "/nonexistent/files",
}


def main() -> None:
    """Hand over to Django."""
    state = os.environ.get("STRONGBOX_STATE_DIR") or "/nonexistent/state"
    for name in [name for name in os.environ if name.startswith("STRONGBOX_")]:
        del os.environ[name]
    os.environ.update(VALUES, STRONGBOX_STATE_DIR=state, DJANGO_SETTINGS_MODULE="config.settings.base")
    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
