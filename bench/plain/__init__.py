"""The unprotected baseline: a small Django and DRF project with the same tables, numbering and ledger, and nothing
else. No encryption, no row-level security, no audit, no sign-in, no throttle. Never deploy it.
"""
