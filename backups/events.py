"""What backups leaves in the audit trail."""
