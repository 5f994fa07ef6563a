"""The authority model, tried over every permission, role and way of signing in there is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import rules
from accounts.permissions import (
    API_KEY_SCOPES,
    FRESH_ONLY,
    METHODS,
    OPERATOR_ONLY,
    PORTAL,
    POWERFUL,
    ROLE_LIMITS,
    ROLE_WORDS,
    ROLES,
    Limit,
    Permission,
    RoleCode,
    needs_step_up,
    of_role,
    usable,
)
from core.actor import SignInMethod

COMMON = frozenset({"password", "letmeinletmein1", "hunter"})
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


# --- The table ------------------------------------------------------------------------------------


def test_permissions_are_noun_and_verb_in_alphabetical_order():
    values = [permission.value for permission in Permission]
    assert values == sorted(values)
    assert all(value.count(":") == 1 for value in values)
    assert [permission.name for permission in Permission] == [
        value.replace(":", "_").upper() for value in values
    ]


def test_every_role_has_a_set_and_a_word():
    assert set(ROLES) == set(ROLE_WORDS) == set(RoleCode)
    assert set(ROLE_LIMITS) <= set(RoleCode)


@pytest.mark.parametrize("method", list(SignInMethod))
def test_a_method_that_is_not_in_the_table_may_use_nothing(method):
    everything = frozenset(Permission)
    assert usable(method, everything) == METHODS.get(method, frozenset())
    assert usable(method, frozenset()) == frozenset()


def test_only_people_and_keys_are_in_the_table():
    assert set(METHODS) == set(SignInMethod) - {SignInMethod.SYSTEM, SignInMethod.NONE}


def test_no_key_can_carry_what_needs_a_fresh_factor_or_makes_rights():
    assert frozenset() == API_KEY_SCOPES & (POWERFUL | PORTAL)
    # What a person confirms anew and a key may do within the limit that a person gave it.
    assert {Permission.REFUND_WRITE, Permission.WEBHOOK_MANAGE} == API_KEY_SCOPES & FRESH_ONLY


def test_customers_and_staff_share_no_permission():
    assert METHODS[SignInMethod.PORTAL] == METHODS[SignInMethod.PORTAL_FRESH] == PORTAL
    assert METHODS[SignInMethod.SESSION_FRESH] & PORTAL == frozenset()


def test_confirming_a_factor_opens_exactly_what_is_fresh_only():
    assert METHODS[SignInMethod.SESSION_FRESH] - METHODS[SignInMethod.SESSION] == FRESH_ONLY
    for permission in Permission:
        assert needs_step_up(SignInMethod.SESSION, permission) is (permission in FRESH_ONLY)
        assert needs_step_up(SignInMethod.API_KEY, permission) is False


@pytest.mark.parametrize("code", list(RoleCode))
def test_no_role_of_an_ordinary_organization_holds_a_host_wide_control(code):
    held = of_role(code.value, custom=frozenset(), of_operator=False)
    assert held & (OPERATOR_ONLY | PORTAL) == frozenset()
    assert held == ROLES[code] - OPERATOR_ONLY


def test_a_role_row_that_claims_everything_opens_no_host_wide_control():
    everything = frozenset(Permission)
    assert of_role("made-up", custom=everything, of_operator=False) == everything - OPERATOR_ONLY - PORTAL
    assert of_role("made-up", custom=everything, of_operator=True) == everything - PORTAL


def test_a_custom_set_cannot_widen_a_built_in_role():
    assert of_role("auditor", custom=frozenset(Permission), of_operator=False) == ROLES[RoleCode.AUDITOR]


def test_auditors_and_accountants_change_nothing():
    for code in (RoleCode.AUDITOR, RoleCode.ACCOUNTANT):
        changing = {
            permission for permission in ROLES[code] if permission.split(":")[1] not in ("read", "export")
        }
        assert changing <= {Permission.EXPORT_RUN}


def test_only_the_owner_of_the_operator_holds_every_host_wide_control():
    assert of_role("owner", custom=frozenset(), of_operator=True) >= OPERATOR_ONLY
    assert of_role("owner", custom=frozenset(), of_operator=False) & OPERATOR_ONLY == frozenset()


# --- Who may give what ----------------------------------------------------------------------------


def _give(grantor, given, *, limits=None, own=None, for_self=False):
    rules.may_give(
        grantor=frozenset(grantor),
        grantor_limits=own or {},
        given=frozenset(given),
        given_limits=limits or {},
        for_self=for_self,
    )


@given(
    grantor=st.frozensets(st.sampled_from(list(Permission))),
    given_=st.frozensets(st.sampled_from(list(Permission))),
)
def test_nobody_gives_what_they_lack(grantor, given_):
    if given_ <= grantor:
        _give(grantor, given_)
    else:
        with pytest.raises(rules.GrantorLacksTheRight):
            _give(grantor, given_)


def test_nobody_changes_their_own_rights_not_even_downwards():
    with pytest.raises(rules.NobodyRaisesTheirOwnRights):
        _give(Permission, [], for_self=True)


def test_nobody_sets_a_limit_above_their_own():
    _give([], [], limits={Limit.REFUND_MINOR: 500}, own={Limit.REFUND_MINOR: 500})
    for own in ({Limit.REFUND_MINOR: 499}, {Limit.EXPORT_ROWS: 10_000}, {}):
        with pytest.raises(rules.LimitAboveGrantor):
            _give([], [], limits={Limit.REFUND_MINOR: 500}, own=own)


@pytest.mark.parametrize("permission", list(Permission))
def test_an_escalation_is_a_gained_powerful_right(permission):
    assert rules.is_escalation(before=frozenset(), after=frozenset({permission})) is (permission in POWERFUL)
    assert rules.is_escalation(before=frozenset({permission}), after=frozenset({permission})) is False
    assert rules.is_escalation(before=frozenset({permission}), after=frozenset()) is False


@pytest.mark.parametrize(
    ("escalation", "others", "needed"),
    [(True, 1, True), (True, 0, False), (False, 5, False), (False, 0, False)],
)
def test_a_second_person_is_needed_as_soon_as_there_is_one(escalation, others, needed):
    assert rules.needs_second_person(escalation=escalation, other_deciders=others) is needed


@pytest.mark.parametrize("after", [None, "admin", "billing_clerk"])
def test_the_last_owner_stays(after):
    with pytest.raises(rules.LastOwnerStays):
        rules.keep_an_owner(target_code="owner", after_code=after, active_owners=1)
    rules.keep_an_owner(target_code="owner", after_code=after, active_owners=2)
    rules.keep_an_owner(target_code="admin", after_code=after, active_owners=1)
    rules.keep_an_owner(target_code="owner", after_code="owner", active_owners=1)


@pytest.mark.parametrize(
    "limits", [{"refund_minor": -1}, {"refund_minor": True}, {"refund_minor": "5"}, {"x": 1}]
)
def test_what_is_no_limit_is_refused(limits):
    with pytest.raises(rules.NotALimit):
        rules.check_limits(limits)


def test_limits_are_read():
    assert rules.check_limits({"refund_minor": 0, "export_rows": 7}) == {
        Limit.REFUND_MINOR: 0,
        Limit.EXPORT_ROWS: 7,
    }


# --- Passwords ------------------------------------------------------------------------------------


def _check(password, *context):
    return rules.check_password(password, context=context, common=COMMON)


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("fourteen chars", rules.PasswordTooShort),
        ("x" * 129, rules.PasswordTooLong),
        ("LetMeInLetMeIn1", rules.PasswordIsCommon),
        ("passwordpassword", rules.PasswordIsCommon),
        ("hunterhunterhunter", rules.PasswordIsCommon),
        ("strongbox-demo-1", rules.PasswordNamesItsOwner),
        ("ada.lovelace@example.com", rules.PasswordNamesItsOwner),
        ("Lovelace-Example1", rules.PasswordNamesItsOwner),
        ("aaaaaaaaaaaaaaaaaaaa", rules.PasswordIsGuessable),
        ("abcdefghijklmnopqrst", rules.PasswordIsGuessable),
        ("qwertyuiopasdfghjkl", rules.PasswordIsGuessable),
        ("Password1234567", rules.PasswordIsGuessable),
    ],
)
def test_a_password_that_attackers_try_is_refused(password, refusal):
    with pytest.raises(refusal):
        _check(password, "ada.lovelace@example.com", "Ada Lovelace", "strongbox", "demo")


@pytest.mark.parametrize(
    "password",
    [
        "violet tractor ninety lamps",
        "ein langer deutscher Satz",
        "пароль который знаю только я",
        "k7$Qm2!xW9pL#z4",
        "v" + "iolet tractor ninety lamps " * 4,
    ],
)
def test_a_password_needs_length_and_no_kinds_of_characters(password):
    assert _check(password, "ada@example.com") == password


def test_the_same_keys_give_the_same_password():
    composed, decomposed = "caf\u00e9 au lait forever", "cafe\u0301 au lait forever"
    assert _check(composed) == _check(decomposed)


def test_a_password_that_mentions_its_owner_among_much_else_is_accepted():
    assert _check("lovelace walks nine dogs home", "lovelace@example.com") == "lovelace walks nine dogs home"


# --- Pace and freshness ---------------------------------------------------------------------------


@given(free=st.integers(1, 20), longest=st.integers(2, 3600), attempts=st.integers(1, 10_000))
def test_waits_never_shrink_and_never_pass_the_longest(free, longest, attempts):
    pace = rules.Pace(free=free, longest_seconds=longest)
    wait, following = pace.wait_seconds(attempts), pace.wait_seconds(attempts + 1)
    assert 0 <= wait <= following <= longest
    assert (wait == 0) is (attempts < free)


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (301, False), (-1, False)])
def test_a_factor_is_fresh_for_five_minutes(seconds, fresh):
    assert rules.is_fresh(at=AT + timedelta(seconds=seconds), step_up_at=AT) is fresh
    assert rules.is_fresh(at=AT, step_up_at=None) is False
