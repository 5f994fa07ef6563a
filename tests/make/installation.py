"""What every test finds: the operator's organization and two others, named a and b, made by the ordinary services."""

from uuid import UUID

from core import clock
from core.actor import Actor
from tenancy import context
from tenancy.models import Tenant

SLUGS = ("a", "b")


def found_installation() -> None:
    """Make the operator's organization and the two that the tests set against each other."""
    from accounts.services import organizations

    organizations.bootstrap(actor=Actor.system("tests"), at=clock.now())
    for slug in SLUGS:
        organizations.create(
            slug=slug,
            name=f"Organization {slug.upper()}",
            owner_email=f"owner@{slug}.example",
            mode=Tenant.Mode.TEST,
            actor=Actor.system("tests"),
            at=clock.now(),
        )


def tenant(slug: str) -> UUID:
    """Return the id of an organization of the template."""
    with context.system_scope(reason="tests name organizations by slug"):
        return Tenant.objects.get(slug=slug).pk


def tenants(**named: str) -> list[Tenant]:
    """Return the organizations of these properties, by slug."""
    with context.system_scope(reason="tests look at the organizations"):
        return list(Tenant.objects.filter(**named).order_by("slug"))
