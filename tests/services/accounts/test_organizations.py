"""Founding organizations."""

from accounts.models import Role
from accounts.permissions import RoleCode


def test_a_new_organization_has_the_built_in_roles_and_no_other(in_a):
    assert set(Role.objects.values_list("code", flat=True)) == {code.value for code in RoleCode} - {
        "operator"
    }
