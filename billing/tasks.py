"""Billing's tasks, for Celery to find."""

from billing.tallies.tasks import melt_tallies

__all__ = ["melt_tallies"]
