"""Streams that are not made: what is said of them, field by field, and where no stream may lead."""

import pytest

from alerts.models import AuditStream
from alerts.streams import services as streams
from audit.models import Event
from core import clock
from core.actor import Actor
from core.errors import Invalid
from outbound import http
from tenancy.context import attempt

ACTOR = Actor.system("tests")


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"kind": "carrier_pigeon"}, "/kind", "unknown_choice"),
        ({"address": ""}, "/address", "required"),
        ({"address": "https://93.184.216.34/4242424242424242"}, "/address", "card_number"),
        ({"secret": "two\r\nX-Other: lines"}, "/secret", "not_a_header"),
        ({"secret": "4242 4242 4242 4242"}, "/secret", "card_number"),
        ({"kind": "syslog", "secret": "x"}, "/secret", "not_for_syslog"),
        ({"ca": "not a certificate"}, "/ca", "no_certificate"),
        ({"description": "x" * 201}, "/description", "too_long"),
        ({"ca": "-----BEGIN PRIVATE KEY-----"}, "/ca", "private_key"),
    ],
)
def test_what_cannot_be_a_stream_is_refused_field_by_field(in_a, given, pointer, code):
    wanted = {"kind": "http", "address": "https://93.184.216.34/events", **given}
    with pytest.raises(Invalid) as refused, attempt():
        streams.create(**wanted, actor=ACTOR, at=clock.now())
    assert (pointer, code) in {(error.pointer, error.code) for error in refused.value.errors}
    assert not AuditStream.objects.exists()
    assert not Event.objects.filter(event="audit_stream.created").exists()


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("http", "https://127.0.0.1/"),
        ("http", "http://93.184.216.34/"),
        ("http", "https://169.254.169.254/latest"),
        ("syslog", "syslog+tls://127.0.0.1:6514"),
        ("syslog", "syslog+tls://10.0.0.8"),
        ("syslog", "syslog+tls://[fd00::1]:6514"),
        ("syslog", "syslog+tls://93.184.216.34:25"),
        ("syslog", "syslog+tls://user@93.184.216.34:6514"),
        ("syslog", "syslog://93.184.216.34:6514"),
        ("syslog", "https://93.184.216.34"),
        ("syslog", "syslog+tls://93.184.216.34:6514/path"),
    ],
)
def test_an_address_that_leads_inside_is_refused(in_a, kind, address):
    with pytest.raises(http.AddressRefused), attempt():
        streams.create(kind=kind, address=address, actor=ACTOR, at=clock.now())
    assert not AuditStream.objects.exists()
