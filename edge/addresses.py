"""How an organization stands in an address: read by the URL table exactly as the doorway reads it.

Importing this makes `<organization:slug>` known to Django. Two readings of one address would be two answers to the
question whose page it is.
"""

from django.urls import register_converter
from django.urls.converters import StringConverter

from edge.doors import SLUG


class OrganizationConverter(StringConverter):
    """An organization's short name."""

    regex = SLUG


register_converter(OrganizationConverter, "organization")
