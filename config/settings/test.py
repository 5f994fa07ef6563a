"""What the suite loosens: the same as the demo, and faster."""

from config.settings.dev import *

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]  # Django's own test client names itself testserver
WHITENOISE_AUTOREFRESH = True  # nothing is collected: files are looked for when they are asked for
