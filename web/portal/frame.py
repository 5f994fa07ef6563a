"""The frame of the portal's pages, and what each of them begins with."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render

from billing.issuer import queries as issuers
from core.errors import NotFound
from edge.request import Request
from web.forms import answer
from web.kit import context as frames


def customer_of(request: Request) -> UUID:
    """Return whose portal this is.

    Raises:
        NotFound: nobody's.
    """
    if request.portal_access is None:
        raise NotFound
    return request.portal_access.customer_id


def issuer_name() -> str:
    """Return the name the organization bills by, empty before it has one."""
    found = issuers.get()
    return found.name if found else ""


def show(
    request: Request, template: str, context: Mapping[str, Any], *, form: forms.BaseForm | None = None
) -> HttpResponse:
    """Render a page of the portal; one with a form that has errors is answered 422."""
    name = issuer_name()
    request.shell = frames.of_customer(request, name)  # type: ignore[attr-defined]  # read by web.kit.context
    whole = {"issuer": name, **context}
    if form is not None:
        return answer(request, template, whole, form=form)
    return render(request, template, whole)
