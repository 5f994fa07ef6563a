"""Management commands of crypto."""
