"""What payments do by the clock."""

BEAT: dict[str, dict[str, object]] = {
    "payments-send-receipts": {
        "task": "payments.send_receipts",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
}
