"""Settings of the baseline."""

import os

SECRET_KEY = "baseline"  # noqa: S105  it protects nothing
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["rest_framework", "bench.plain"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "bench.plain.urls"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["STRONGBOX_DB_HOST"],
        "PORT": os.environ["STRONGBOX_DB_PORT"],
        "NAME": "bench_plain",
        "USER": "strongbox_owner",
        "PASSWORD": os.environ["STRONGBOX_DB_OWNER_PASSWORD"],
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
