"""What somebody sends must not come to stand in a log: secrets of links, keys, addresses of people."""

import json
import logging

import pytest

from edge.logging import JsonFormatter, RedactingFilter


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            "Forbidden (CSRF cookie not set.): /recover/s3cr-et_",
            "Forbidden (CSRF cookie not set.): /recover/…",
        ),
        ("GET https://billing.example/invite/s3cret?next=/", "GET https://billing.example/invite/…?next=/"),
        ("at /INVITE/s3cret/more, then", "at /INVITE/…"),
        ("to ada@example.com with sbk_live_abc", "to [redacted] with [redacted]"),
        ("POST /hooks/stripe/s3cret 400", "POST /hooks/stripe/… 400"),
        ("opened /pay/s3cret/result", "opened /pay/…"),
        ("GET /was-this-you/s3cret 410", "GET /was-this-you/… 410"),
        ("GET /certificates/s3cret 404", "GET /certificates/… 404"),
        ("GET /doc/s3cret/lesson 200", "GET /doc/… 200"),
        ("key sk_test_s3cret and rk_live_s3cret, signed by whsec_s3cret", "key [redacted] and [redacted]"),
        ("paid with 4242 4242 4242 4242 by s3cr", "[redacted: card number]"),
        ("paid with 4242424242424242", "[redacted: card number]"),
    ],
)
def test_a_message_is_written_without_its_secrets(said: str, written: str) -> None:
    record = logging.LogRecord("any.logger", logging.WARNING, "", 0, "%s", (said,), None)
    assert RedactingFilter().filter(record) is True
    line = json.loads(JsonFormatter().format(record))
    assert line["message"].startswith(written)
    assert "s3cr" not in line["message"]
