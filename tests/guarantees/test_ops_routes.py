"""Every page of the installation, by everybody: the operator's people of each role, and those of organizations, to
whom it is not there, whatever they are at home."""

import re
from typing import Any

import pytest

from accounts.permissions import RoleCode, of_role
from core import ids
from edge.access import Needs
from edge.checks import routes
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.asking import call, methods, sends_to, undone
from tests.guarantees.world import Organization, Someone
from tests.make import accounts, backups, installation, patching

OPS = [(path, name, view) for path, name, view in routes() if path.startswith("ops/")]
ROLES = (RoleCode.OWNER, RoleCode.OPERATOR, RoleCode.ADMIN, RoleCode.SECURITY_OFFICER, RoleCode.AUDITOR)


@pytest.fixture
def operator(db: None) -> Organization:
    """The operator's organization with one record of each kind that the pages are about."""
    made = Organization(installation.tenant("operator"), "operator")
    with scope(Scope(made.id)):
        for role in ROLES:
            member = accounts.member(role.value)
            held = of_role(role, custom=frozenset(), of_operator=True)
            made.people[role.value] = Someone(
                member.user_id, world.browser(accounts.session(member.user).raw_key), held
            )
        made.records = {
            "findings": ids.encode("finding", patching.weak()[0].pk),
            "backups": ids.encode("backup", backups.backup().pk),
            "drills": ids.encode("restore_drill", backups.drill().pk),
            "organizations": ids.encode("organization", made.id),
        }
    return made


@pytest.fixture
def theirs(db: None) -> Someone:
    """The owner of another organization."""
    with scope(Scope(installation.tenant("a"))):
        member = accounts.member("owner")
        return Someone(member.user_id, world.browser(accounts.session(member.user).raw_key))


def address(path: str, operator: Organization) -> str:
    """Fill a route with the record of the noun before it."""
    return "/" + re.sub(r"(\w+)/<str:pk>", lambda found: f"{found[1]}/{operator.records[found[1]]}", path)


NOUNS = ("findings", "backups", "drills", "organizations")


def known(path: str) -> bool:
    """Pages of other rooms bring their own records, and their own walk."""
    return "<" not in path or any(f"{noun}/<str:pk>" in path for noun in NOUNS)


WALKED = [route for route in OPS if known(route[0])]


def test_the_pages_of_patches_and_backups_are_walked() -> None:
    ours = ("ops_patching:", "ops_backups:", "ops_organizations:")
    assert {name for _, name, _ in OPS if name.startswith(ours)} <= {name for _, name, _ in WALKED}


@pytest.mark.parametrize(("path", "name", "view"), WALKED, ids=[name for _, name, _ in WALKED])
def test_page_of_the_installation_by_everybody(
    path: str, name: str, view: Any, operator: Organization, theirs: Someone
) -> None:
    url = address(path, operator)
    for method, rule in methods(view):
        assert isinstance(rule, Needs), (
            f"{name}: a page of the installation is open to more than a permission"
        )
        assert rule.permission.startswith("ops:"), f"{name}: organizations may hold {rule.permission}"
        for role, person in operator.people.items():
            with undone():
                before = world.count_of(operator.id, actor_id=person.id)
                response = call(person, method, url)
                cell = f"{method} {name} as {role}: {response.status_code} {sends_to(response)}"
                assert response.status_code < 500, cell
                refused = world.events_of(operator.id, actor_id=person.id, event="access.refused")
                if rule.permission in person.permissions:
                    assert response.status_code not in (401, 403), cell
                    assert "missing_permission" not in {event.reason for event in refused}, cell
                    if method == "GET" and response.status_code == 200:
                        assert world.count_of(operator.id, actor_id=person.id) > before, f"{cell}: unseen"
                else:
                    assert response.status_code == 403, cell
                    assert len(refused) == 1, cell
        with undone():
            response = call(theirs, method, url)
            assert response.status_code == 404, f"{method} {name} by an organization: {response.status_code}"
            assert world.count_of(operator.id, actor_id=theirs.id, event="access.refused") == 1
        with undone():
            assert sends_to(call(None, method, url)) == "/login", f"{method} {name} by nobody"
