"""The API against whoever does not keep to its form: keys, bodies, parameters, methods, transport."""

import json

import pytest
from django.test import override_settings

from audit.models import Event
from billing.customers.models import Customer
from billing.invoices.rules import MOST_LINES
from core import ids
from crypto import keyring
from edge import throttle
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make import installation
from tests.make.api import Api, events_of, ready

BODY = {"name": "Anna Gruber", "currency": "EUR"}


@pytest.fixture
def api(transactional_db: None) -> Api:
    return ready("a")


@pytest.fixture
def other(transactional_db: None) -> Api:
    return ready("b")


def customers(tenant) -> int:
    with scope(Scope(tenant)):
        return Customer.objects.count()


def operator_events(code: str):
    with scope(Scope(installation.tenant("operator"))):
        return list(Event.objects.filter(event=code).values())


# --- keys --------------------------------------------------------------------------------------------------------


def test_a_key_that_does_not_work_is_401_and_recorded(api):
    good = api.key
    foreign = good.split("_")
    foreign[2] = ids.base32(installation.tenant("b"))
    wrong = {
        "unknown": good[:-8] + "aaaaaaaa",
        "of another organization": "_".join(foreign),
        "of no organization": "sbk_test_" + "0" * 26 + "_" + "a" * 39,
        "no key": "Sesam öffne dich".encode().decode("latin-1"),
        "empty": " ",
        "too long": "sbk_test_" + "a" * 5000,
    }
    for what, key in wrong.items():
        refused = Api(key, api.tenant).get("customers")
        assert (refused.status_code, refused.json()["code"]) == (401, "bad_api_key"), what
        assert refused.headers["WWW-Authenticate"].startswith("Bearer"), what
    basic = api.send("GET", "customers", Authorization="Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert basic.status_code == 401
    nobody = Api("", api.tenant).get("customers")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    assert len(events_of(api.tenant, "access.refused")) + len(operator_events("access.refused")) >= len(wrong)


@pytest.mark.parametrize(
    "change", ["revoked_at = now()", "expires_at = now()", "networks = ARRAY['192.0.2.0/24']"]
)
def test_a_key_stops_at_once(api, change):
    assert api.get("customers").status_code == 200
    as_owner(f"UPDATE accounts_apikey SET {change}")
    refused = api.post("customers", BODY)
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_api_key")
    assert customers(api.tenant) == 0
    assert [event["reason"] for event in events_of(api.tenant, "access.refused")] == ["bad_api_key"]


def test_a_key_never_has_more_rights_than_its_maker(api):
    as_owner("UPDATE accounts_membership SET role_id = (SELECT id FROM accounts_role r WHERE r.code = 'auditor' "
             "AND r.tenant_id = accounts_membership.tenant_id)")  # fmt: skip
    assert api.get("customers").status_code == 200
    assert api.post("customers", BODY).json()["code"] == "missing_permission"
    as_owner("UPDATE accounts_membership SET state = 'removed'")
    assert api.get("customers").status_code == 401


def test_keys_are_refused_over_plain_http_in_production(api):
    with override_settings(SECURE_SSL_REDIRECT=True):
        refused = api.post("customers", BODY)
        assert (refused.status_code, refused.json()["code"]) == (403, "https_required")
        assert "Location" not in refused.headers
        secure = api.client.get(
            "/api/v1/customers", headers={"Authorization": f"Bearer {api.key}"}, secure=True
        )
    assert secure.status_code == 200
    assert customers(api.tenant) == 0


def test_a_sealed_organization_answers_503_and_the_refusal_is_recorded(api, other):
    assert api.get("customers").status_code == 200
    as_owner(
        "UPDATE tenancy_tenant SET state = 'sealed', key_generation = key_generation + 1 WHERE id = %s",
        [api.tenant],
    )
    for answer in (api.get("customers"), api.post("customers", BODY, Idempotency_Key="k")):
        assert (answer.status_code, answer.json()["code"]) == (503, "organization_sealed")
    assert other.get("customers").status_code == 200
    assert [event["reason"] for event in events_of(api.tenant, "access.refused")] == [
        "organization_sealed"
    ] * 2
    keyring.forget_everything()


def test_strangers_are_slowed_down_and_keys_have_a_limit_of_their_own(api, monkeypatch):
    monkeypatch.setattr(throttle, "API_STRANGER", throttle.Limit(size=5, per_second=0.001))
    stranger = Api(api.key[:-8] + "aaaaaaaa", api.tenant)
    answers = [stranger.get("customers") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[5].json()["code"] == "too_many_requests"
    assert int(answers[5].headers["Retry-After"]) > 900
    monkeypatch.setattr(throttle, "of_api_key", lambda: throttle.Limit(size=3, per_second=0.001))
    answers = [api.get("customers") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"key";q=3;w=3000'
    assert [answer.headers["RateLimit"] for answer in answers[:3]] == [
        f'"key";r={left}' for left in (2, 1, 0)
    ]
    assert [event["reason"] for event in events_of(api.tenant, "access.refused")] == ["too_many_requests"]


# --- bodies ------------------------------------------------------------------------------------------------------


AMBIGUOUS = [
    b'{"name": "Anna", "name": "Mallory", "currency": "EUR"}',
    b'{"name": "Anna", "currency": "EUR", "address": {"city": "Graz", "city": "Wien"}}',
    b'{"name": "Anna", "currency": "EUR", "n\\u0061me": "Mallory"}',
    b'{"name": NaN, "currency": "EUR"}',
    b'{"name": -Infinity, "currency": "EUR"}',
    b'{"name": 1' + b"0" * 5000 + b', "currency": "EUR"}',
    b'{"name": 0.' + b"1" * 5000 + b', "currency": "EUR"}',
    b'{"name": "Anna\\ud800", "currency": "EUR"}',
    b'{"name": "\xff", "currency": "EUR"}',
    b'\xef\xbb\xbf{"name": "Anna", "currency": "EUR"}',
    b'{"name": "Anna", "currency": "EUR"',
    b'{"name": "Anna", "currency": "EUR"} {}',
    b"{'name': 'Anna'}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


def test_a_body_that_can_be_read_in_two_ways_is_refused(api):
    for body in AMBIGUOUS:
        refused = api.post("customers", body)
        assert (refused.status_code, refused.json()["code"]) == (400, "unreadable"), body[:60]
    assert customers(api.tenant) == 0


def test_a_body_that_is_no_object_is_refused(api):
    for body in ([], [BODY], "text", 5, None, True):
        refused = api.post("customers", json.dumps(body).encode())
        assert refused.status_code == 422, body
        assert [error["pointer"] for error in refused.json()["errors"]] == [""]
    assert customers(api.tenant) == 0


def test_another_content_type_is_refused(api):
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "text/json",
    ):
        refused = api.send("POST", "customers", BODY, Content_Type=content_type)
        assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type"), content_type
    assert customers(api.tenant) == 0


def test_the_content_type_may_name_utf_8(api):
    made = api.send("POST", "customers", BODY, Content_Type='Application/JSON; charset="UTF-8"')
    assert made.status_code == 201


def test_a_body_that_is_too_large_is_refused(api):
    for size in (1024 * 1024 + 1, 6 * 1024 * 1024):
        for headers in ({}, {"Idempotency_Key": "large"}):
            refused = api.post("customers", b'{"name": "' + b"x" * size + b'"}', **headers)
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large"), (size, headers)
    assert customers(api.tenant) == 0


def test_one_line_more_than_an_invoice_may_have_is_refused(api):
    customer = api.post("customers", BODY).json()["id"]
    lines = [{"description": "1", "unit_amount": "1"}] * (MOST_LINES + 1)
    many = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines})
    assert [(error["pointer"], error["code"]) for error in many.json()["errors"]] == [("/lines", "too_many")]
    few = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines[:500]})
    assert (few.status_code, few.json()["total_minor"]) == (201, 50_000)
