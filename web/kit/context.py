"""What every template may rely on: `shell`, the frame of the page, as the view's face prepared it."""

from __future__ import annotations

from django.http import HttpRequest

from web.kit.parts import Shell


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Return the frame the face put on the request, or an empty one."""
    return {"shell": getattr(request, "shell", None) or Shell()}
