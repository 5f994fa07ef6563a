"""The audit trail, sent on as it grows: in OCSF, each event at least once, behind an acknowledged offset."""
