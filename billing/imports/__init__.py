"""What comes in from outside in bulk: every refused row named, nothing half done."""
