"""The pages of the entrance, of a person and of people, as addresses: what is judged is listed once."""

from core import ids
from tests.browser.live import Live, Someone
from tests.make.people import House


def entrance() -> list[str]:
    """List the pages a stranger sees."""
    return ["/login", "/login?left=1", "/recover", "/recover/sent", "/recover/" + "a" * 32, "/mailbox"]


def own() -> list[str]:
    """List the pages of a signed-in person."""
    return [
        "/select",
        "/step-up",
        "/step-up?way=recovery",
        "/me/",
        "/me/security",
        "/me/security/passkeys/new",
        "/me/security/authenticator",
        "/me/security/recovery-codes",
        "/me/security/password",
        "/me/sessions",
        "/me/activity",
        "/me/notifications",
    ]


def people(live: Live, who: Someone, house: House) -> list[str]:
    """List the pages of an organization's people and keys."""
    clerk, suspended = (ids.encode("member", member.pk) for member in (house.clerk, house.suspended))
    role, key = ids.encode("role", house.role), ids.encode("api_key", house.key)
    paths = [
        "settings/members",
        "settings/members/invite",
        f"settings/members/{clerk}",
        f"settings/members/{suspended}",
        f"settings/members/{ids.encode('member', who.member.pk)}",
        f"settings/members/{clerk}/role",
        f"settings/members/{clerk}/suspend",
        f"settings/members/{clerk}/remove",
        "settings/roles",
        "settings/roles/new",
        f"settings/roles/new?from={role}",
        "settings/roles/compare",
        f"settings/roles/compare?a={role}&b={role}",
        f"settings/roles/{role}",
        f"settings/roles/{role}/change",
        f"settings/roles/{role}/remove",
        "approvals",
        "approvals?view=decided",
        f"approvals/{ids.encode('approval', house.mine.pk)}",
        f"approvals/{ids.encode('approval', house.theirs.pk)}",
        "developers",
        "developers/requests",
        "developers/requests?view=failed&status=4",
        "developers/events",
        "developers/sandbox",
        "developers/guides/retry-safely",
        "developers/keys",
        "developers/keys/new",
        f"developers/keys/{key}/rotate",
        f"developers/keys/{key}/revoke",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]
