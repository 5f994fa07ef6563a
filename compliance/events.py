"""What compliance leaves in the audit trail."""
