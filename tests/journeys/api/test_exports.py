"""Exports over the API: a key's own limit holds, and its file goes to whoever answers for the key."""

import hashlib

import pytest

from billing.exports import making
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.make import api as make_api
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def speaker(tenant_a):
    return make_api.ready("a")


def key_of(tenant, *, rows: int):
    with scope(Scope(tenant)):
        owner = accounts.member("owner")
        made = accounts.api_key(owner, limits={"export_rows": rows})
    return make_api.Api(made.raw, tenant)


def make_file(tenant, export_id: str) -> None:
    making.make(
        tenant_id=tenant,
        export_id=ids.decode("export", export_id),
        actor=Actor.system("tests"),
        now=clock.now,
    )


def ask(speaker, key="one", **body):
    return speaker.post("exports", {"kind": "customers", **body}, Idempotency_Key=key)


def test_a_list_is_asked_for_and_fetched(tenant_a):
    make_api.ready("a")
    speaker = key_of(tenant_a, rows=10)
    with scope(Scope(tenant_a)):
        make.customer("Ada", email="ada@ada.example")
    assert speaker.post("exports", {"kind": "customers"}).status_code == 428
    made = ask(speaker, columns=["id", "name"], filters={"state": "active"}, format="xlsx")
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["rows"], row["has_personal"], row["format"]) == ("queued", 1, True, "xlsx")
    assert ask(speaker, columns=["id", "name"], filters={"state": "active"}, format="xlsx").json() == row
    path = f"exports/{row['id']}"
    assert speaker.get(f"{path}/file").status_code == 409
    make_file(tenant_a, row["id"])
    ready = speaker.get(path).json()
    assert (ready["state"], ready["rows"]) == ("ready", 1)
    taken = speaker.get(f"{path}/file")
    assert taken.status_code == 200
    assert hashlib.sha256(b"".join(taken.streaming_content)).hexdigest() == ready["digest"]
    assert [each["id"] for each in speaker.get("exports?state=ready").json()["data"]] == [row["id"]]
    assert key_of(tenant_a, rows=10).get(f"{path}/file").status_code == 403
    assert speaker.post(f"{path}/end").json()["state"] == "deleted"
    assert speaker.get(f"{path}/file").status_code == 409


def test_over_the_keys_limit_somebody_has_to_agree(tenant_a):
    make_api.ready("a")
    with scope(Scope(tenant_a)):
        make.customer("Ada")
        make.customer("Grace")
    speaker = key_of(tenant_a, rows=1)
    made = ask(speaker)
    assert made.status_code == 202
    assert (made.json()["state"], made.json()["approval"] is not None) == ("waiting", True)
    make_file(tenant_a, made.json()["id"])
    assert speaker.get(f"exports/{made.json()['id']}").json()["state"] == "waiting"


def test_every_fault_is_named(speaker):
    answer = ask(
        speaker, kind="passwords", columns=["secret"], format="pdf", filters={"from": "soon", "name": "Ada"}
    )
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/kind", "/columns/0", "/format", "/filters/from", "/filters/name",
    }  # fmt: skip
    assert ask(speaker, "two", columns=["number"]).status_code == 422
    assert ask(speaker, "three", filters={"status": "draft"}).status_code == 422


def test_a_key_without_the_right_takes_nothing_out(tenant_a):
    make_api.ready("a")
    with scope(Scope(tenant_a)):
        owner = accounts.member("owner")
        reading = accounts.api_key(owner, scopes=["customer:read"], limits={"export_rows": 100})
        blind = accounts.api_key(owner, scopes=["export:run"], limits={"export_rows": 100})
        make.customer("Ada")
    assert ask(make_api.Api(reading.raw, tenant_a)).status_code == 403
    assert ask(make_api.Api(blind.raw, tenant_a)).status_code == 404
