"""How a form meets a service: what is refused stands beside its field, and nothing of the attempt remains.

Promise kept: a refusal that must leave an audit event reaches the doorway, which records it after the
rollback; one about a record nobody may see, or a missing sign-in, is never turned into a remark on a form.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from core.errors import NotFound, Refusal, Sealed, StepUpRequired, TooMany, Unauthenticated
from edge.request import Request
from tenancy import context

_UNPROCESSABLE = 422
_NOT_ABOUT_THE_FORM = (NotFound, Sealed, StepUpRequired, Unauthenticated)


@contextmanager
def attempting(
    request: Request, form: forms.BaseForm, *, fields: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Try what the form asks for; a refusal becomes its error. `fields` renames the service's fields."""
    try:
        with context.attempt():
            yield
    except _NOT_ABOUT_THE_FORM:
        raise
    except Refusal as refusal:
        request.refusal = refusal
        faults = [(fault.pointer.strip("/"), fault.detail) for fault in refusal.errors] or [
            ("", refusal.message)
        ]
        for named, sentence in faults:
            name = (fields or {}).get(named, named)
            form.add_error(name if name in form.fields else None, _(sentence))


def answer(
    request: Request, template: str, context: Mapping[str, Any], *, form: forms.BaseForm
) -> HttpResponse:
    """Render a page with a form: 422 when it has errors, so that the doorway takes everything back."""
    refusal = request.refusal
    status = 200 if not form.errors else _UNPROCESSABLE
    if form.errors and refusal is not None and refusal.status >= TooMany.status:
        status = refusal.status
    response = render(request, template, {**context, "form": form}, status=status)
    if isinstance(refusal, TooMany):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response
