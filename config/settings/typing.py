"""Settings for mypy's plugin, which imports them without an environment. Nothing runs with these."""

import os
import tempfile

_VALUES = {
    **dict.fromkeys(("CONTEXT_KEY", "PEPPER", "NETWORK_KEY"), "00" * 32),
    **dict.fromkeys(
        ("SECRET_KEY", "DB_HOST", "DB_NAME", "DB_APP_PASSWORD", "BROKER_URL", "CACHE_URL"), "typing"
    ),
    **dict.fromkeys(("FILES_DIR", "STATE_DIR"), tempfile.gettempdir()),
    "PUBLIC_URL": "https://typing.example",
}
# make hands an empty STRONGBOX_STATE_DIR on: what is there already does not count.
os.environ.update({f"STRONGBOX_{name}": value for name, value in _VALUES.items()})

from config.settings.base import *  # noqa: E402
