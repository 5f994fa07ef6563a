"""Where payment providers tell us what happened."""
