"""A way back that the message offers: what was done is undone by the post that undoes it, and by nothing else."""

import json

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest


def offer(request: HttpRequest, sentence: str, *, url: str, **fields: str) -> None:
    """Say what was done, with a button that posts these fields to the address of its opposite.

    The message travels in a signed cookie, so that nobody but the product names an address.
    """
    messages.success(request, sentence, extra_tags=json.dumps({"url": url, "fields": fields}))


def offered(message: Message) -> dict[str, object] | None:
    """Return the address and the fields that undo what a message tells of; None where it offers none."""
    if not message.extra_tags:
        return None
    found: dict[str, object] = json.loads(message.extra_tags)
    return found
