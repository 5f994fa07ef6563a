"""What alerts leaves in the audit trail."""
