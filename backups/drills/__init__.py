"""Restore drills: a backup is believed when it has been restored, and not before."""
