"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

import config.celery  # noqa: F401  what requests send goes to our broker

application = get_wsgi_application()
