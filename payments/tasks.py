"""Celery's door to payments."""
