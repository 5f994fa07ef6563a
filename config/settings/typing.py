"""Settings for mypy's plugin, which imports them without an environment. Nothing runs with these."""

import os
import tempfile

for name in ("CONTEXT_KEY", "PEPPER", "NETWORK_KEY"):
    os.environ.setdefault(f"STRONGBOX_{name}", "00" * 32)
for name in ("SECRET_KEY", "DB_HOST", "DB_NAME", "DB_APP_PASSWORD", "BROKER_URL", "CACHE_URL"):
    os.environ.setdefault(f"STRONGBOX_{name}", "typing")
for name in ("FILES_DIR", "STATE_DIR"):
    os.environ.setdefault(f"STRONGBOX_{name}", tempfile.gettempdir())
os.environ.setdefault("STRONGBOX_PUBLIC_URL", "https://typing.example")

from config.settings.base import *  # noqa: E402
