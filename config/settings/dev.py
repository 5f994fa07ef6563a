"""What `make run` loosens."""

from config.settings.base import *

INSTALLED_APPS = [*INSTALLED_APPS, "config.embedded"]  # the demo's commands
DEMO = ENV.demo  # the demo's people, mail sink and credentials command
GATEWAY_ADDRESS = ENV.gateway_address  # the sandbox gateway on this machine: no money moves
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]  # one machine, loopback only
CSRF_TRUSTED_ORIGINS = []  # same origin only, on whatever port
SECURE_SSL_REDIRECT = False  # loopback has no certificate
SECURE_HSTS_SECONDS = 0  # would pin localhost to https for every other program
SECURE_HSTS_INCLUDE_SUBDOMAINS = False  # as above
SECURE_HSTS_PRELOAD = False  # as above
SESSION_COOKIE_NAME = "strongbox"  # __Host- needs https
SESSION_COOKIE_SECURE = False  # as above
CSRF_COOKIE_NAME = "csrf"  # as above
CSRF_COOKIE_SECURE = False  # as above
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}  # no build
WHITENOISE_USE_FINDERS = True  # as above
EMAIL_BACKEND = "outbound.sink.SinkBackend"  # no mail leaves; a page shows it
OUTBOUND_PRIVATE_ORIGINS = [GATEWAY_ADDRESS] if GATEWAY_ADDRESS else []  # as above, on this machine
