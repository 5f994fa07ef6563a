"""Finding anything by typing: the command palette, and the same as a page."""
