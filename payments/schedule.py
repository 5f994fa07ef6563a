"""What payments do by the clock."""

BEAT: dict[str, dict[str, object]] = {
    "payments-send-receipts": {
        "task": "payments.send_receipts",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "payments-end-retention": {"task": "payments.end_retention", "schedule": 86_400},
    "payments-sweep": {"task": "payments.sweep", "schedule": 30, "options": {"expires": 30}},
    "payments-forget-removed-methods": {"task": "payments.forget_removed_methods", "schedule": 86_400},
    "payments-sweep-hooks": {"task": "payments.sweep_hooks", "schedule": 15, "options": {"expires": 15}},
    "payments-tidy-hooks": {"task": "payments.tidy_hooks", "schedule": 3_600},
    "payments-remind": {"task": "payments.remind", "schedule": 3_600},
    "payments-autopay": {"task": "payments.autopay", "schedule": 900, "options": {"expires": 900}},
    "payments-scan-cards": {"task": "payments.scan_all_cards", "schedule": 86_400},
}
