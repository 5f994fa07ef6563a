"""What a page shows, and what its forms carry."""

import re


def hidden(page: str, name: str = "once") -> str:
    """Read a value that a form carries unseen."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]
