"""The table of a role: levels are a way to tick rights, and what was ticked by hand stays."""

from django.http import QueryDict

from accounts.permissions import OPERATOR_ONLY, PORTAL, ROLES, Permission, RoleCode
from web.people import matrix
from web.people.matrix import Level

P = Permission
STAFF = frozenset(Permission) - PORTAL


def posted(**fields: str | list[str]) -> QueryDict:
    form = QueryDict(mutable=True)
    for name, value in fields.items():
        form.setlist(name, [value] if isinstance(value, str) else value)
    return form


def test_every_right_stands_in_one_area_at_one_level() -> None:
    shown = [right.code for line in matrix.lines(STAFF, held=()) for right in line.rights]
    assert sorted(shown) == sorted(each.value for each in STAFF)
    assert {matrix.level_of(each) for each in OPERATOR_ONLY} == {Level.MANAGE}
    assert matrix.level_of(P.INVOICE_FINALIZE) is Level.APPROVE


def test_what_is_shown_and_sent_back_is_what_was_held() -> None:
    for role in RoleCode:
        held = ROLES[role] - PORTAL
        lines = matrix.lines(STAFF, held=held)
        form = posted(
            rights=[each.value for each in held],
            **{f"was_{line.code}": line.at for line in lines},
            **{f"level_{line.code}": line.at for line in lines},
        )
        assert set(matrix.chosen(form, STAFF).getlist("rights")) == {each.value for each in held}


def test_a_level_that_is_changed_decides_and_one_that_stands_leaves_the_ticks() -> None:
    ticks = [P.INVOICE_READ.value, P.CUSTOMER_READ.value]
    form = posted(rights=ticks, was_billing="1", level_billing="2", was_customers="1", level_customers="1")
    rights = set(matrix.chosen(form, STAFF).getlist("rights"))
    assert {
        P.INVOICE_WRITE.value,
        P.INVOICE_SEND.value,
        P.INVOICE_READ.value,
        P.CUSTOMER_READ.value,
    } <= rights
    assert P.INVOICE_FINALIZE.value not in rights
    form = posted(rights=[*ticks, P.CUSTOMER_MERGE.value], was_customers="1", level_customers="1")
    assert P.CUSTOMER_MERGE.value in matrix.chosen(form, STAFF).getlist("rights")
    form = posted(rights=ticks, was_billing="1", level_billing="0")
    assert matrix.chosen(form, STAFF).getlist("rights") == [P.CUSTOMER_READ.value]
    # Nobody gives more than they hold, whatever a form says; what is no level takes everything away.
    form = posted(rights=[], was_billing="0", level_billing="4")
    assert matrix.chosen(form, {P.INVOICE_READ}).getlist("rights") == [P.INVOICE_READ.value]
    assert matrix.chosen(posted(level_billing="99"), STAFF).getlist("rights") == []


def test_two_rights_that_are_too_much_for_one_are_said_and_two_roles_compared() -> None:
    assert matrix.conflicts({P.REFUND_WRITE}) == []
    assert len(matrix.conflicts({P.REFUND_WRITE, P.APPROVAL_DECIDE})) == 1
    clerk, approver = ROLES[RoleCode.BILLING_CLERK], ROLES[RoleCode.APPROVER]
    areas = {each.name: each for each in matrix.compare(clerk, approver)}
    assert (areas["Approvals"].first, areas["Approvals"].second) == ("None", "Approve")
    assert "Write drafts of invoices" in areas["Invoices and quotes"].only_first
    assert areas["Invoices and quotes"].only_second == []
