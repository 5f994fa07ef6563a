"""What a customer and the organization write to each other about an invoice, on the page of each."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django import forms

from billing import events
from billing.messages import queries, services
from edge import recording
from edge.request import Request
from web.kit.forms import Form

OBJECTS = "objection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message as people read it."""

    text: str
    at: datetime
    answers: bool
    objects: bool


class AnswerForm(Form):
    """What the organization answers."""

    text = forms.CharField(
        label="Your answer",
        max_length=services.LONGEST,
        help_text="The customer reads it on their portal; a mail tells them that it is there.",
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )


def of(request: Request, invoice_id: UUID) -> list[Said]:
    """Return what was written about an invoice, and record that it was read."""
    found = queries.of_invoice(invoice_id)
    if found:
        recording.read(request, events.MESSAGES_READ, subject=("invoice", invoice_id))
    return [
        Said(text=each.text, at=each.at, answers=each.answers, objects=each.kind == OBJECTS) for each in found
    ]
