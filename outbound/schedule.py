"""Periodic work of outbound."""

BEAT = {"outbound-sweep": {"task": "outbound.sweep", "schedule": 30.0, "options": {"expires": 30}}}
