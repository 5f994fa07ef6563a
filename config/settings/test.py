"""What the suite loosens: the same as the demo, and faster."""

import os

from config.settings.dev import *

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]  # Django's own test client names itself testserver
WHITENOISE_AUTOREFRESH = True  # nothing is collected: files are looked for when they are asked for
# Workers share a broker and a cache and hold organizations of the same ids: none may take another's messages,
# or forget or fill another's counters.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")  # as above
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    "global_keyprefix": _WORKER + ":",
}  # as above
CACHES = {"default": {**CACHES["default"], "KEY_PREFIX": _WORKER}}  # as above
