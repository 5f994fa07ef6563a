"""What patching leaves in the audit trail."""
