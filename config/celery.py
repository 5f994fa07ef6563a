"""The task queue: JSON only, acknowledged late, one queue for ordinary work and three for the ops-worker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

app = Celery("strongbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
