"""What training leaves in the audit trail."""
