"""The API against whoever does not keep to its form: keys, bodies, parameters, methods, transport."""

import json
import time

import pytest
from django.conf import settings
from django.test import override_settings

from accounts.permissions import Permission
from audit.models import Event
from billing.customers.models import Customer
from core import ids
from crypto import keyring
from edge import throttle
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make import accounts, installation
from tests.make.api import Api, events_of, key_of, ready

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


def test_the_largest_allowed_invoice_is_taken_quickly(api):
    customer = api.post("customers", BODY).json()["id"]
    lines = [{"description": f"{n}", "unit_amount": "1"} for n in range(500)]
    began = time.monotonic()
    made = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines})
    assert (made.status_code, made.json()["total_minor"]) == (201, 50_000)
    assert time.monotonic() - began < 5
    many = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": [*lines, lines[0]]})
    assert [(error["pointer"], error["code"]) for error in many.json()["errors"]] == [("/lines", "too_many")]


def test_an_amount_is_an_exact_number_written_as_text(api):
    customer = api.post("customers", BODY).json()["id"]
    for amount in (
        "NaN",
        "Infinity",
        "1e5",
        "1_000",
        "١٢",
        "0x10",
        " 1",
        "1.",
        "--1",
        "",
        1.5,
        1,
        True,
        None,
    ):
        lines = [{"description": "x", "unit_amount": amount}]
        refused = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["pointer"] == "/lines/0/unit_amount"
        assert error["code"] == ("null" if amount is None else "not_a_decimal"), amount


def test_nobody_sets_what_is_not_theirs_to_set(api):
    fields = ("created_at", "id", "is_admin", "state", "subject_key", "tenant", "tenant_id")
    refused = api.post("customers", {**BODY, **dict.fromkeys(fields, "x")})
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        (f"/{field}", "unknown_field") for field in fields
    ]
    assert customers(api.tenant) == 0


def test_an_answer_never_repeats_what_was_sent(api):
    canary = "kanarienvogel"
    answers = [
        api.post("customers", {**BODY, "email": canary, "currency": canary, "phone": [canary]}),
        api.post("customers", canary.encode()),
        api.get(f"customers?limit={canary}"),
        api.get(f"customers/{canary}"),
        api.get(f"invoices?status={canary}"),
        api.post("customers", {**BODY, "4242424242424242": "x"}),
    ]
    assert all(answer.status_code >= 400 for answer in answers)
    assert not any(canary.encode() in answer.content or b"4242" in answer.content for answer in answers)


# --- parameters, methods -----------------------------------------------------------------------------------------


def test_a_parameter_that_means_nothing_is_refused(api):
    for query, pointer, code in (
        ("filter=x", "/filter", "unknown_parameter"),
        ("limit=10&limit=20", "/limit", "repeated"),
        ("limit=0", "/limit", "out_of_range"),
        ("limit=101", "/limit", "out_of_range"),
        ("limit=-1", "/limit", "out_of_range"),
        ("limit=1e1", "/limit", "out_of_range"),
        ("limit=", "/limit", "out_of_range"),
        ("state=gone", "/state", "unknown_choice"),
        ("format=api", "/format", "unknown_parameter"),
        ("email=%00", "/email", "invalid_character"),
        ("q=%0d%0aX", "/q", "invalid_character"),
        ("q=4242424242424242", "/q", "card_number"),
        (f"tax_id={'x' * 501}", "/tax_id", "too_long"),
    ):
        refused = api.get(f"customers?{query}")
        assert refused.status_code == 422, query
        assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]


def test_an_empty_search_finds_nothing(api):
    api.post("customers", BODY)
    for query in ("email=", "q=", "q=%20", "reference=", "tax_id="):
        assert api.get(f"customers?{query}").json()["data"] == [], query
    assert api.get("invoices?number=").json()["data"] == []
    assert api.get("invoices?number=%00").status_code == 422


def test_parameters_are_refused_on_addresses_that_take_none(api):
    assert api.post("customers?limit=5", BODY).json()["errors"][0]["code"] == "unknown_parameter"
    made = api.post("customers", BODY).json()["id"]
    assert api.get(f"customers/{made}?include=x").json()["errors"][0]["code"] == "unknown_parameter"
    assert customers(api.tenant) == 1


def test_a_method_that_is_not_declared_is_refused(api):
    made = api.post("customers", BODY).json()["id"]
    for method, path, allowed in (
        ("DELETE", f"customers/{made}", "GET, HEAD, PATCH"),
        ("PUT", f"customers/{made}", "GET, HEAD, PATCH"),
        ("OPTIONS", "customers", "GET, HEAD, POST"),
        ("TRACE", "customers", "GET, HEAD, POST"),
        ("GET", f"customers/{made}/archive", "POST"),
        ("POST", "jobs", "GET, HEAD"),
        ("PROPFIND", "customers", "GET, HEAD, POST"),
    ):
        refused = api.send(method, path)
        assert (refused.status_code, refused.headers["Allow"]) == (405, allowed), (method, path)
        if method != "TRACE":
            assert refused.json()["code"] == "method_not_allowed"
    assert customers(api.tenant) == 1


def test_a_method_cannot_be_smuggled_in(api):
    made = api.post("customers", BODY).json()["id"]
    for name in ("X-HTTP-Method-Override", "X-Method-Override"):
        answer = api.post(f"customers/{made}", {"name": "Mallory"}, **{name: "PATCH"})
        assert answer.status_code == 405
    assert api.get(f"customers/{made}").json()["name"] == "Anna Gruber"


def test_head_answers_like_get_without_the_body(api):
    head = api.send("HEAD", "customers")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == "application/json"
    assert len(events_of(api.tenant, "customer.listed")) == 1


def test_whatever_accept_says_the_answer_is_json(api):
    for accept in ("text/html", "application/xml", "*/*", "application/json;version=99"):
        assert api.get("customers", Accept=accept).headers["Content-Type"] == "application/json"


def test_answers_are_not_kept_by_anybody_and_name_their_request(api):
    answer = api.get("customers")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert "Access-Control-Allow-Origin" not in api.get("customers", Origin="https://evil.example").headers


def test_an_unexpected_fault_is_answered_without_its_text_and_nothing_is_committed(api, monkeypatch):
    as_owner(
        "CREATE FUNCTION public.fail_now() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'canary'; END $$"
    )
    as_owner(
        "CREATE TRIGGER fail_now BEFORE INSERT ON billing_tally FOR EACH ROW EXECUTE FUNCTION public.fail_now()"
    )
    failed = api.post("customers", BODY, Idempotency_Key="k")
    assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
    assert b"canary" not in failed.content
    assert customers(api.tenant) == 0
    assert events_of(api.tenant, "customer.created") == []


def test_a_session_opens_no_data(api):
    with scope(Scope(api.tenant)):
        opened = accounts.session(accounts.member("owner").user)
    stranger = Api("", api.tenant)
    stranger.client.cookies[settings.SESSION_COOKIE_NAME] = opened.raw_key
    assert stranger.get("customers").status_code == 403
    assert stranger.post("customers", BODY).status_code == 403
    assert stranger.get("openapi.json").status_code == 200
    assert customers(api.tenant) == 0


def test_the_reference_is_for_holders_of_a_key(api):
    reader = key_of("a", frozenset({Permission.JOB_READ}))
    for path in ("openapi.json", "docs"):
        assert Api("", api.tenant).get(path).status_code == 401
        assert reader.get(path).status_code == 200
