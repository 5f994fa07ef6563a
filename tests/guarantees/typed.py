"""Types a marker into everything, over the API, the pages and the services, and gathers all that is left of it."""

import contextlib
import functools
import io
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.cache import caches
from django.db import connections
from django.test import Client, override_settings

from accounts.models import PasskeyCredential, TotpDevice
from accounts.permissions import RoleCode
from accounts.services import apikeys, approvals, factors, members, roles
from accounts.services.sessions import Opened, Origin
from billing.bankaccounts import services as bankaccounts
from billing.customers import services as customers
from billing.issuer import services as issuers
from core import clock, ids
from core.actor import Actor
from edge.access import rules_of
from edge.checks import routes
from outbound import delivery, files
from outbound.webhooks import delivery as telling
from outbound.webhooks import services as webhooks
from tenancy import jobs
from tenancy.context import Scope, account, scope, system_scope
from tenancy.models import Tenant
from tests import databases
from tests.guarantees import (
    canaries,
    searched,
    typed_alerts,
    typed_books,
    typed_compliance,
    typed_corrections,
    typed_customers,
    typed_delivery,
    typed_imports,
    typed_lists,
    typed_patching,
    typed_payments,
    typed_privacy,
    typed_recurring,
    typed_training,
    world,
)
from tests.make import accounts, api, bank, billing, installation
from tests.services.outbound.webhooks.receiver import receiving


@dataclass
class Evidence:
    """Everything a marker could have come to."""

    marker: str
    card: str
    answers: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    stores: dict[str, bytes] = field(default_factory=dict)
    planted: dict[str, bytes] = field(default_factory=dict)

    def refuse(self, name: str, response: Any) -> None:
        """Keep the answer to something that must not succeed."""
        headers = "\n".join(f"{key}: {value}" for key, value in response.headers.items() if key != "Location")
        self.refusals[name] = f"{response.status_code}\n{headers}\n".encode() + response.content
        if response.headers.get("Content-Type") == "application/problem+json":
            self.refused[name] = json.loads(response.content)


@functools.cache
def collect() -> Evidence:
    """Type, look and plant, in a database of its own, once a process."""
    before = str(connections["default"].settings_dict["NAME"])
    name = f"{before}_canaries"
    evidence = Evidence(canaries.stem(), canaries.card_number())
    databases.clone(name)
    try:
        with _log() as log:
            _type(evidence)
            evidence.columns = searched.columns()
            evidence.stores = searched.stores(name, log)
            searched.plant(evidence.marker)
            evidence.planted = searched.stores(name, log)
    finally:
        for place in (searched.folder(), searched.provider_folder()):
            place.joinpath("planted").unlink(missing_ok=True)
        caches["default"].delete("planted")
        databases.drop(name)
        databases.use(before)
    return evidence


@contextlib.contextmanager
def _log() -> Iterator[io.StringIO]:
    """What production writes to its log: the configured handler, its filter and its format."""
    handler = next(each for each in logging.getLogger().handlers if each.name == "console")
    assert isinstance(handler, logging.StreamHandler)
    kept = handler.setStream(log := io.StringIO())
    try:
        yield log
    finally:
        handler.setStream(kept)


def _type(evidence: Evidence) -> None:
    speaker = api.ready("a")
    typed_payments.connect(Actor.system("tests"))
    _type_over_the_services(evidence.marker)
    typed_patching.by_the_operator(evidence.marker)
    typed_customers.by_a_worker()
    _type_by_a_webhook(evidence.marker)
    typed_delivery.over_the_services(evidence.marker, installation.tenant("a"))
    records = _type_over_the_api(evidence, speaker)
    _type_cards(evidence, speaker, records)
    _provoke(evidence, speaker, records)
    with system_scope(reason="mail of every organization is sent"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant in tenants:
        delivery.deliver_due(tenant_id=tenant, actor=Actor.system("tests"), at=clock.now())


def _type_over_the_services(marker: str) -> None:
    at = clock.now()
    origin = Origin(network=accounts.network(), address="203.0.113.77", device=f"{marker} device")
    with scope(Scope(installation.tenant("a"))):
        person = accounts.person(name=f"{marker} owner", email=f"{marker}@owner.example")
        accounts.member("owner", user=person)
        opened = accounts.session(person, origin=origin)
        actor = accounts.actor(person, opened=opened)
        _type_factors(marker, opened)
        _type_people(marker, actor)
        address = dict.fromkeys(("line1", "line2", "city", "postal_code", "region"), f"{marker} address")
        texts = ("name", "tax_id", "tax_number", "phone", "endpoint_id", "contact_name", "registration")
        words = {name: f"{marker} {name}" for name in texts}
        issuers.set_issuer(
            **words,
            email=f"{marker}@issuer.example",
            address={**address, "country": "AT"},
            actor=actor,
            at=at,
        )
        _type_bank_details(marker, actor)
        typed_payments.over_the_services(marker, actor)
        typed_customers.over_the_services(marker, actor)
        typed_books.over_the_services(marker, actor)
        typed_compliance.over_the_services(marker, actor)
        typed_privacy.over_the_services(marker, actor)
        typed_corrections.over_the_services(marker, actor)
        typed_training.over_the_services(marker, actor)
        typed_lists.over_the_services(marker, actor)
        apikeys.create(
            name=f"{marker} key",
            scopes=["invoice:read"],
            limits={},
            expires_at=at + timedelta(days=9),
            actor=actor,
            at=at,
        )
        given = {"kind": "import", "name": f"{marker}.csv", "media_type": "text/csv"}
        files.store(**given, chunks=[marker.encode() * 9], actor=actor, at=at)
        typed_imports.over_imports(marker, actor)
        typed_corrections.over_imports(actor)
        typed_alerts.over_the_services(marker, actor)
        jobs.start(kind="test", at=at)


def _type_bank_details(marker: str, actor: Actor) -> None:
    """Letters of a bank are digits of its own; the name is what somebody types."""
    at, given = clock.now(), {**bank.FIRST, "holder": f"{marker} holder", "reason": f"{marker} reason"}
    asked = bankaccounts.propose(**given, actor=actor, at=at).waiting
    assert asked is not None
    approver = accounts.actor(accounts.member("approver").user)
    approvals.approve(request_id=asked.pk, actor=approver, at=at, note=f"{marker} note")


def _type_by_a_webhook(marker: str) -> None:
    """What somebody else's server answers is kept as well."""
    inside, actor = Scope(installation.tenant("a")), Actor.system("tests")
    with receiving() as receiver, override_settings(OUTBOUND_PRIVATE_ORIGINS=[receiver.origin]):
        receiver.body = f"{marker} answer".encode()
        with scope(inside):
            made = webhooks.create(url=f"{receiver.origin}/{marker}", actor=actor, at=clock.now())
            webhooks.ping(endpoint_id=made.endpoint.pk, actor=actor)
        telling.deliver_due(tenant_id=installation.tenant("a"), actor=actor, now=clock.now)
        with scope(inside):
            webhooks.disable(endpoint_id=made.endpoint.pk, actor=actor, at=clock.now())


def _type_factors(marker: str, opened: Opened) -> None:
    device = TotpDevice.objects.get(user=opened.session.user)
    accounts.change(device, name=f"{marker} authenticator")
    passkey = PasskeyCredential(
        user=opened.session.user, created_at=clock.now(), credential_id=b"id", public_key=b"key", sign_count=0
    )
    with account(passkey.user_id):
        passkey.save(force_insert=True)
    factors.rename_passkey(session=opened.session, passkey_id=passkey.pk, name=f"{marker} passkey")


def _type_people(marker: str, actor: Actor) -> None:
    at = clock.now()
    role = roles.create(label=f"{marker} role", rights=["invoice:read"], limits={}, actor=actor, at=at)
    guest = members.send_invitation(email=f"{marker}@guest.example", role=role, actor=actor, at=at)
    members.accept(
        raw=guest.url.rpartition("/")[2],
        name=f"{marker} guest",
        password=accounts.PASSWORD,
        actor=accounts.stranger(),
        at=at,
    )
    customer = billing.customer(f"{marker} portal", email=f"{marker}@portal.example")
    members.invite_customer(email=f"{marker}@reader.example", customer_id=customer.pk, actor=actor, at=at)
    asked = approvals.request(
        kind=members.INVITE_KIND,
        payload={"email": f"{marker}@payload.example", "role": str(role.pk), "expires": ""},
        actor=actor,
        at=at,
        subject=("role", role.pk),
        reason=f"{marker} reason",
    )
    approver = accounts.actor(accounts.member("approver").user)
    approvals.decline(request_id=asked.pk, actor=approver, at=at, note=f"{marker} note")


def _type_over_the_api(evidence: Evidence, speaker: api.Api) -> dict[str, str]:
    """Use every operation that takes a body, in an order that works; return the ids that their paths need."""
    bodies = {operation.name: operation.body for operation in canaries.operations()}
    records: dict[str, str] = {}

    def send(name: str, method: str, path: str, **headers: str) -> str:
        body = canaries.filled(bodies[name], evidence.marker, records) if name in bodies else {}
        response = speaker.send(method, path, body, **headers)
        assert response.status_code in (200, 201, 202), (name, response.content)
        evidence.answers[name] = response.content
        return str(json.loads(response.content).get("id", ""))

    records["customer"] = send("customers_create", "POST", "customers", Idempotency_Key="canary")
    records["tax_rate"] = send("tax_rates_create", "POST", "tax_rates")
    send("tax_rates_add_country", "POST", "tax_rates/countries")
    send("customers_update", "PATCH", f"customers/{records['customer']}")
    records["contact"] = send("contacts_create", "POST", "contacts")
    send("contacts_update", "PATCH", f"contacts/{records['contact']}")
    send("privacy_requests_create", "POST", "privacy_requests")
    with scope(Scope(speaker.tenant)):
        records["alert"] = ids.encode("alert", typed_alerts.one().pk)
    send("alerts_close", "POST", f"alerts/{records['alert']}/close")
    send("exports_create", "POST", "exports", Idempotency_Key="canary export")
    records["draft"] = send("invoices_create", "POST", "invoices")
    send("invoices_update", "PATCH", f"invoices/{records['draft']}")
    planned = send("invoices_create", "POST", "invoices")
    send("invoices_deposit", "POST", f"invoices/{planned}/deposits")
    records["final"] = send("invoices_create", "POST", "invoices")
    send("invoices_finalize", "POST", f"invoices/{records['final']}/finalize")
    records["voided"] = send("invoices_create", "POST", "invoices")
    send("invoices_finalize", "POST", f"invoices/{records['voided']}/finalize")
    send("invoices_void", "POST", f"invoices/{records['voided']}/void")
    records["lost"] = send("invoices_create", "POST", "invoices")
    records["invoice"] = records["lost"]
    records["invoice_line"] = json.loads(evidence.answers["invoices_create"])["lines"][0]["id"]
    send("invoices_finalize", "POST", f"invoices/{records['lost']}/finalize")
    records["credit_note"] = send(
        "credit_notes_create", "POST", "credit_notes", Idempotency_Key="canary credit note"
    )
    send("invoices_write_off", "POST", f"invoices/{records['lost']}/write_off")
    records["quote"] = send("quotes_create", "POST", "quotes")
    send("quotes_update", "PATCH", f"quotes/{records['quote']}")
    agreed = send("quotes_create", "POST", "quotes")
    send("quotes_open", "POST", f"quotes/{agreed}/open")
    send("quotes_accept", "POST", f"quotes/{agreed}/accept")
    send("quotes_bill", "POST", f"quotes/{agreed}/bill")
    send("invoices_attach", "POST", f"invoices/{records['draft']}/attachments")
    records["webhook_endpoint"] = send("webhook_endpoints_create", "POST", "webhook_endpoints")
    webhook = f"webhook_endpoints/{records['webhook_endpoint']}"
    send("webhook_endpoints_update", "PATCH", webhook)
    send("webhook_endpoints_rotate", "POST", f"{webhook}/rotate")
    send("webhook_endpoints_replay", "POST", f"{webhook}/replay")
    typed_payments.over_the_api(send, evidence.answers, records)
    typed_recurring.over_the_api(send, evidence.answers, records)
    assert set(bodies) - set(evidence.answers) == set(), "an operation with a body was not used"
    evidence.answers["customers_get"] = speaker.get(f"customers/{records['customer']}").content
    evidence.answers["invoices_get"] = speaker.get(f"invoices/{records['final']}").content
    for query in (
        "customers",
        f"customers?q={evidence.marker}",
        f"customers?reference={evidence.marker}",
        "invoices",
    ):
        assert speaker.get(query).status_code == 200
    return records


def path_of(operation: canaries.Operation, records: dict[str, str]) -> str:
    """Fill an operation's path; what only a finalized invoice can do is asked of one."""
    collection = operation.path.partition("/")[0]
    noun = "draft" if collection == "invoices" else collection.removesuffix("s")
    if "{id}" not in operation.path:
        return operation.path
    return operation.path.replace("{id}", records["final" if "void" in operation.path else noun])


def _type_cards(evidence: Evidence, speaker: api.Api, records: dict[str, str]) -> None:
    digits = evidence.card
    shapes = {"bare": digits, "groups": " ".join(digits[place : place + 4] for place in range(0, 16, 4))}
    for operation in canaries.operations():
        path = path_of(operation, records)
        body = canaries.filled(operation.body, evidence.marker, records)
        for place in canaries.texts(operation.body):
            for shape, text in shapes.items():
                sent = canaries.placed(body, place, text)
                answer = speaker.send(operation.method, path, sent, **_key(operation))
                evidence.refuse(f"card {shape} {operation.name} {canaries.pointer(place)}", answer)
        sent = {**body, "cvc": "123"}
        evidence.refuse(
            f"cvc {operation.name}", speaker.send(operation.method, path, sent, **_key(operation))
        )
    speaker.get(f"customers?q={digits}")
    speaker.get(f"invoices/{digits}")


def _key(operation: canaries.Operation) -> dict[str, str]:
    """A key of its own for each call that may need one."""
    return {"Idempotency_Key": secrets.token_hex(12)} if operation.method == "POST" else {}


@contextlib.contextmanager
def _broken(module: Any, name: str, error: Exception) -> Iterator[None]:
    """Make one function fail as nobody expected, with somebody's text in the error."""
    kept = getattr(module, name)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    setattr(module, name, fail)
    try:
        yield
    finally:
        setattr(module, name, kept)


def _provoke(evidence: Evidence, speaker: api.Api, records: dict[str, str]) -> None:
    marker, refuse = evidence.marker, evidence.refuse
    body = {"name": f"{marker} name", "currency": "EUR"}
    customer, final = f"customers/{records['customer']}", f"invoices/{records['final']}"
    refuse("unknown record", speaker.get(f"customers/{marker}"))
    refuse("broken document", speaker.post("customers", f'{{"name": "{marker}'.encode()))
    refuse("unknown key", api.Api(f"sbk_test_{marker}", speaker.tenant).get("customers"))
    refuse("changed after finalize", speaker.patch(final, {"note": marker}))
    refuse("older version", speaker.patch(customer, {"notes": marker}, If_Match=f'"{marker}"'))
    refuse("no JSON", speaker.post("customers", marker.encode(), Content_Type="text/plain"))
    refuse("one fault among texts", speaker.post("customers", {**body, "currency": "XXX"}))
    refuse("key used twice", speaker.post("customers", body, Idempotency_Key="canary"))
    with _broken(customers, "create", RuntimeError(f"{marker} in an error")):
        refuse("failure of ours", speaker.post("customers", body))
    with scope(Scope(speaker.tenant)):
        owner = accounts.member("owner")
        developer = accounts.member(RoleCode.DEVELOPER.value)
        keys = {each.user_id: accounts.session(each.user).raw_key for each in (owner, developer)}
    page = world.browser(keys[owner.user_id])
    refuse("unknown page", page.get(f"/{marker}/{marker}?q={marker}"))
    refuse("record of a page", page.get(f"/o/a/customers/{marker}"))
    refuse("page without permission", world.browser(keys[developer.user_id]).get(f"/o/a/audit?q={marker}"))
    form = {"email": f"{marker}@login.example", "password": f"{marker} password"}
    refuse("forged form", Client(enforce_csrf_checks=True).post("/login", form))
    for name, link in (("invitation", f"/invite/{marker}{'a' * 13}"), ("recovery", f"/recover/{marker}")):
        refuse(f"forged {name}", Client(enforce_csrf_checks=True).post(link, form))
    Client().post("/login", form)
    Client().post("/recover", {"email": f"{marker}@owner.example"})
    _read_pages(page, records)
    with _broken(roles, "create", RuntimeError(f"{marker} in an error")):
        refuse(
            "failure of a page",
            page.post("/o/a/settings/roles/new", {"label": marker, "rights": ["invoice:read"]}),
        )


def _read_pages(page: Client, records: dict[str, str]) -> None:
    """Look at every page of the organization, so that whatever a page keeps in the cache is kept."""
    paths = [
        path
        for path, _, view in routes()
        if path.startswith("o/<organization:slug>/") and "GET" in (rules_of(view) or {})
    ]
    lists = [path.replace("<organization:slug>", "a") for path in paths if path.count("<") == 1]
    for path in [*lists, f"o/a/customers/{records['customer']}", f"o/a/invoices/{records['final']}"]:
        assert page.get(f"/{path}").status_code in (200, 302), path
