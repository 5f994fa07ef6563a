"""Periodic work of the edge."""

BEAT = {
    "edge-beat-worker": {"task": "edge.beat_worker", "schedule": 10.0, "options": {"expires": 10}},
    "edge-beat-ops-worker": {
        "task": "edge.beat_ops_worker",
        "schedule": 10.0,
        "options": {"queue": "keys", "expires": 10},
    },
    "edge-beat-watch": {
        "task": "edge.beat_watch",
        "schedule": 10.0,
        "options": {"queue": "watch", "expires": 10},
    },
    "edge-forget-old-answers": {"task": "edge.forget_old_answers", "schedule": 3600.0},
}
