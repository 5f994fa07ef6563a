"""The commands that found things."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import queries
from accounts.models import Invitation
from accounts.services import members
from core import clock
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make
from tests.make.installation import tenants

pytestmark = pytest.mark.django_db


def _run(*args: str) -> dict[str, str]:
    out = StringIO()
    call_command(*args, "--json", stdout=out)
    return json.loads(out.getvalue().strip().splitlines()[-1])


def test_organization_create_prints_a_link_that_makes_an_owner():
    email = make.address()
    answer = _run("organization_create", "--slug", "acme", "--name", "Acme", "--owner-email", email)
    assert set(answer) == {"slug", "url"}
    raw = answer["url"].rpartition("/invite/")[2]
    (tenant,) = tenants(slug="acme")
    assert (tenant.mode, tenant.kind, members.tenant_of(raw)) == ("live", "customer", tenant.pk)
    with context.scope(Scope(tenant.pk)):
        joined = members.accept(
            raw=raw,
            name="Olga Owner",
            password="violet tractor ninety lamps",
            actor=make.stranger(),
            at=clock.now(),
        )
        assert (joined.user.email, joined.membership.role.code) == (email, "owner")
        assert queries.active_owners().get() == joined.membership


@pytest.mark.parametrize("slug", ["operator", "api", "Acme", "a_b", "", "a" * 64, "a/b", "ä"])
def test_a_slug_that_could_mislead_or_is_none_is_refused(slug):
    before = tenants()
    with pytest.raises(CommandError):
        call_command("organization_create", "--slug", slug, "--name", "X", "--owner-email", make.address())
    assert tenants() == before


def test_a_slug_is_given_once():
    with pytest.raises(CommandError, match="There is an organization of that name already"):
        call_command("organization_create", "--slug", "a", "--name", "X", "--owner-email", make.address())
    assert len(tenants(slug="a")) == 1


def test_the_operator_is_founded_once_and_gets_owners_by_link():
    operator = tenants(kind="operator")[0].pk
    with context.scope(Scope(operator)):
        before = Invitation.objects.count()
    assert _run("installation_bootstrap") == {"slug": "operator", "url": ""}
    answer = _run("installation_bootstrap", "--owner-email", make.address())
    assert members.tenant_of(answer["url"].rpartition("/")[2]) == operator
    assert len(tenants(kind="operator")) == 1
    with context.scope(Scope(operator)):
        assert Invitation.objects.count() == before + 1
        assert queries.role("operator").builtin is True
