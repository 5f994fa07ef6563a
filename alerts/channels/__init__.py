"""Where alerts go: by mail, to a program of one's own, into a log collector; and how that went."""
