"""What every template may rely on: `shell`, the frame of the page. It asks the database nothing.

The doorway has already found out who is asking, for which organization and with what rights; a face that
needs another frame (the portal, the component page) puts its own on the request.
"""

from dataclasses import replace

from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from accounts.permissions import Permission
from core import clock
from edge import suspension
from edge.doors import DoorKind
from tenancy.models import Tenant
from web.kit import formats, navigation, words
from web.kit.parts import NavGroup, NavItem, OrganizationChoice, Shell, Strip

_WARN_DAYS = 7
_TOOLS = "_tools.html"


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Return the frame a face put on the request, or the one that follows from who is asking."""
    return {"shell": getattr(request, "shell", None) or _frame(request)}


def _frame(request: HttpRequest) -> Shell:
    session = getattr(request, "session_row", None)
    if session is None or not session.verified:
        return Shell()
    person: User = session.user
    member: Membership | None = getattr(request, "member", None)
    tenant: Tenant | None = getattr(request, "tenant", None)
    if member is not None and tenant is not None and request.door.kind is not DoorKind.PORTAL:  # type: ignore[attr-defined]  # edge.request.Request
        return _of_organization(request, person, member, tenant)
    return _of_person(request, person)


def _of_organization(request: HttpRequest, person: User, member: Membership, tenant: Tenant) -> Shell:
    role = words.role_name(member.role)
    home = reverse("signin:home", kwargs={"slug": tenant.slug})
    frame = Shell(
        organization=tenant.slug,
        home_url=home,
        sandbox=tenant.mode == Tenant.Mode.TEST,
        organizations=(
            OrganizationChoice(tenant.slug, home, role, current=True),
            OrganizationChoice("All your organizations", reverse("signin:select")),
        ),
        person=_name(person),
        role=role,
        theme=person.theme,
        person_links=_own_links(request.path),
        sign_out_url=reverse("signin:logout"),
    )
    may: frozenset[Permission] = request.permissions  # type: ignore[attr-defined]  # edge.request.Request
    if tenant.suspended_at is not None:
        # What of it does not open is not offered either.
        sentence = (
            f"Suspended since {formats.day(tenant.suspended_at.date())}: requests about data and breaches are all "
            "that can be worked on."
        )
        places = navigation.groups(tenant.slug, may, request.path, room=suspension.ROOM)
        return replace(frame, navigation=places, strips=[Strip(sentence, tint="bad")])

    def where(name: str) -> str:
        return reverse(name, kwargs={"slug": tenant.slug})

    return replace(
        frame,
        navigation=navigation.groups(
            tenant.slug,
            may,
            request.path,
            granted=bool(request.opened_customers),  # type: ignore[attr-defined]  # as above
        ),
        strips=_duties(member, tenant.slug),
        search_url=where("search:search"),
        bell_url=where("console:bell") if Permission.JOB_READ in may else "",
        create_url=where("billing:new_invoice") if Permission.INVOICE_WRITE in may else "",
        keys=_keys(person),
        tools=_TOOLS,
    )


def _duties(member: Membership, slug: str) -> list[Strip]:
    """Say what presses about a member's duties, from the row that the doorway has read anyway."""
    url, link = reverse("training:mine", args=[slug]), "Go to your training"
    if member.withheld:
        sentence = "Some of your rights wait until your overdue training is done."
        return [Strip(sentence, tint="bad", url=url, link=link)]
    if member.duty_due_on is None:
        return []
    left = (member.duty_due_on - clock.today()).days
    if left < 0:
        sentence = f"Your training has been overdue since {formats.day(member.duty_due_on)}."
        return [Strip(sentence, tint="warn", url=url, link=link)]
    if left <= _WARN_DAYS:
        return [
            Strip(f"Training is due by {formats.day(member.duty_due_on)}.", tint="info", url=url, link=link)
        ]
    return []


def of_customer(request: HttpRequest, organization: str) -> Shell:
    """Frame the portal of an organization, under the name it bills by."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]  # edge.request.Request
    home = reverse("portal:home", kwargs={"slug": tenant.slug})
    person: User = request.session_row.user  # type: ignore[attr-defined]  # as above
    return Shell(
        organization=organization or tenant.slug,
        home_url=home,
        sandbox=tenant.mode == Tenant.Mode.TEST,
        organizations=(
            OrganizationChoice(organization or tenant.slug, home, _("Customer"), current=True),
            OrganizationChoice(_("All your organizations"), reverse("signin:select")),
        ),
        person=_name(person),
        role=_("Customer"),
        language=translation.get_language() or "en",
        of_customer=True,
        theme=person.theme,
        navigation=navigation.portal(
            tenant.slug,
            request.permissions,  # type: ignore[attr-defined]  # as above
            request.path,
        ),
        person_links=_own_links(request.path),
        sign_out_url=reverse("signin:logout"),
    )


def _of_person(request: HttpRequest, person: User) -> Shell:
    """Frame a person's own pages, which belong to no organization."""
    return Shell(
        organization="Your account",
        home_url=reverse("signin:select"),
        organizations=(OrganizationChoice("All your organizations", reverse("signin:select")),),
        person=_name(person),
        navigation=[NavGroup("You", _own_links(request.path))],
        keys=_keys(person),
        tools=_TOOLS,
        theme=person.theme,
        person_links=_own_links(request.path),
        sign_out_url=reverse("signin:logout"),
    )


def _name(person: User) -> str:
    return person.name or person.email or ""


def _keys(person: User) -> str:
    return "on" if person.single_keys else "off"


def _own_links(path: str) -> list[NavItem]:
    links = (
        (_("Your profile"), "me:profile", "person"),
        (_("Your sign-in"), "me:security", "key"),
        (_("Where you are signed in"), "me:sessions", "lock"),
        (_("Your mails"), "me:notifications", "mail"),
        (_("Your activity"), "me:activity", "audit"),
    )
    urls = {route: reverse(route) for label, route, icon in links}
    # Their profile stands above the others' addresses.
    here = max((url for url in urls.values() if path.startswith(url)), key=len, default="")
    return [NavItem(label, urls[route], icon, current=urls[route] == here) for label, route, icon in links]
