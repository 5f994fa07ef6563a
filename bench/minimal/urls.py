"""The product's addresses, and the page's."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from accounts.permissions import Permission
from config.urls import *  # noqa: F403  its handlers too
from config.urls import urlpatterns as product
from edge.access import Granted, access
from edge.request import Request


@access(get=Granted(Permission.INVOICE_READ))
def minimal(request: Request, slug: str) -> HttpResponse:
    """Show a sentence."""
    return render(request, "bench/minimal.html")


urlpatterns = [path("o/<organization:slug>/bench-minimal", minimal), *product]
