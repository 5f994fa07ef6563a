"""Periodic work of tenancy."""

BEAT = {
    "tenancy-send-again": {"task": "tenancy.send_again", "schedule": 30.0, "options": {"expires": 30}},
}
