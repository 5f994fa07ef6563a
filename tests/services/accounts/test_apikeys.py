"""API keys: shown once, bound to an organization, never more than their maker."""

from datetime import timedelta

import pytest

from accounts import queries, rules, tokens, workingkeys
from accounts.models import ApiKey, Membership, Session, User
from accounts.permissions import API_KEY_SCOPES, Limit, Permission
from accounts.services import apikeys, approvals, members
from accounts.services.apikeys import KeyFromElsewhere, KeyRefused
from audit.models import Event
from core import ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from core.errors import Forbidden, NotFound, Unauthenticated
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

HOME = "192.0.2.7"


@pytest.fixture
def owner(in_a, now) -> Membership:
    return make.member("owner", at=now)


def test_a_key_opens_its_organization_and_is_stored_as_a_digest(in_a, owner, now, tenant_a):
    made = make.api_key(owner, scopes=["invoice:read", "customer:read"], at=now)
    assert made.raw.startswith(f"sbk_test_{ids.base32(tenant_a)}_")
    assert apikeys.tenant_of(made.raw) == tenant_a
    found = apikeys.authenticate(made.raw, at=now, address=HOME)
    assert found == made.key
    assert queries.permissions_of_key(found) == {Permission.INVOICE_READ, Permission.CUSTOMER_READ}
    assert bytes(ApiKey.objects.values_list("secret_hash", flat=True).get(pk=made.key.pk)) == tokens.digest(
        "api_key", made.raw
    )
    assert made.key.last_four == made.raw[-11:-7]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + "a",
        lambda raw: raw[:-8] + ("a" if raw[-8] != "a" else "b") + raw[-7:],
        lambda raw: raw.replace("sbk_test", "sbk_live"),
        lambda raw: raw.upper(),
        lambda raw: "",
        lambda raw: "sbk_test__",
        lambda raw: "Bearer " + raw,
        lambda raw: raw.replace("sbk", "ſbk"),
    ],
)
def test_a_mistyped_key_is_refused_without_asking_the_database(
    in_a, owner, now, spoil, django_assert_num_queries
):
    raw = spoil(make.api_key(owner, at=now).raw)
    with django_assert_num_queries(0), pytest.raises(KeyRefused):
        apikeys.tenant_of(raw)


def test_a_well_formed_key_with_a_wrong_secret_is_refused(in_a, owner, now, tenant_a):
    make.api_key(owner, at=now)
    with pytest.raises(KeyRefused) as refused:
        apikeys.authenticate(tokens.mint_api_key(tenant=tenant_a, mode="test"), at=now, address=HOME)
    assert isinstance(refused.value, Unauthenticated)
    assert refused.value.status == 401


@pytest.mark.django_db
def test_a_key_of_one_organization_is_nothing_in_another(tenant_a, tenant_b, now):
    with context.scope(Scope(tenant_a)):
        made = make.api_key(make.member("owner", at=now), at=now)
    with context.scope(Scope(tenant_b)):
        with pytest.raises(KeyRefused):
            apikeys.authenticate(made.raw, at=now, address=HOME)
        assert queries.usable_key(at=now, secret_hash=tokens.digest("api_key", made.raw)) is None
        owner = make.member("owner", at=now)
        with pytest.raises(NotFound), context.attempt():
            apikeys.revoke(key_id=made.key.pk, actor=make.actor(owner.user), at=now)
    with context.scope(Scope(tenant_a)):
        assert apikeys.authenticate(made.raw, at=now, address=HOME) == made.key


def test_an_expired_or_revoked_key_is_refused(in_a, owner, now):
    expiring = make.api_key(owner, at=now, expires_at=now + timedelta(hours=1))
    assert apikeys.authenticate(expiring.raw, at=now + timedelta(minutes=59), address=HOME) == expiring.key
    with pytest.raises(KeyRefused):
        apikeys.authenticate(expiring.raw, at=now + timedelta(hours=1), address=HOME)
    revoked = make.api_key(owner, at=now)
    apikeys.revoke(key_id=revoked.key.pk, actor=make.actor(owner.user), at=now)
    with pytest.raises(KeyRefused):
        apikeys.authenticate(revoked.raw, at=now, address=HOME)


@pytest.mark.parametrize("verb", [members.suspend, members.remove])
def test_a_key_stops_with_its_maker(in_a, owner, now, verb):
    clerk = make.member("billing_manager", at=now)
    role = make.custom_role(
        "maker", [*queries.role("billing_manager").permissions(of_operator=False), "apikey:manage"]
    )
    clerk.role = role
    clerk.save(update_fields=["role"])
    made = make.api_key(clerk, scopes=["invoice:read"], at=now)
    verb(member_id=clerk.pk, actor=make.actor(owner.user), at=now)
    with pytest.raises(KeyRefused):
        apikeys.authenticate(made.raw, at=now, address=HOME)
    assert not Session.objects.filter(user=clerk.user, ended_at__isnull=True).exists()


def test_a_key_loses_what_its_maker_loses(in_a, owner, now):
    maker = make.member("owner", at=now)
    made = make.api_key(maker, scopes=["invoice:read", "invoice:write"], at=now)
    members.set_role(member_id=maker.pk, role=queries.role("accountant"), actor=make.actor(owner.user))
    found = apikeys.authenticate(made.raw, at=now, address=HOME)
    assert queries.permissions_of_key(found) == {Permission.INVOICE_READ}


@pytest.mark.parametrize(
    ("address", "works"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::5", True),
        ("", False),
    ],
)
def test_a_key_bound_to_networks_works_from_there_only(in_a, owner, now, address, works):
    made = make.api_key(owner, at=now, networks=["192.0.2.0/24", "2001:db8::/32"])
    if works:
        assert apikeys.authenticate(made.raw, at=now, address=address) == made.key
    else:
        with pytest.raises(KeyFromElsewhere):
            apikeys.authenticate(made.raw, at=now, address=address)


def test_a_rotated_key_works_on_for_the_overlap(in_a, owner, now):
    old = make.api_key(owner, scopes=["invoice:read"], limits={"refund_minor": 5}, at=now)
    new = apikeys.rotate(key_id=old.key.pk, overlap=timedelta(hours=24), actor=make.actor(owner.user), at=now)
    assert (new.key.scopes, new.key.limits) == (["invoice:read"], {"refund_minor": 5})
    just_before, after = now + timedelta(hours=23, minutes=59), now + timedelta(hours=24)
    assert apikeys.authenticate(old.raw, at=just_before, address=HOME) == old.key
    with pytest.raises(KeyRefused):
        apikeys.authenticate(old.raw, at=after, address=HOME)
    assert apikeys.authenticate(new.raw, at=after, address=HOME) == new.key
    with pytest.raises(apikeys.OverlapTooLong), context.attempt():
        apikeys.rotate(key_id=new.key.pk, overlap=timedelta(days=8), actor=make.actor(owner.user), at=now)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"scopes": ["member:manage"]}, apikeys.UnknownScope),
        ({"scopes": ["portal:read"]}, apikeys.UnknownScope),
        ({"scopes": []}, apikeys.UnknownScope),
        ({"limits": {"refund_minor": 10_000_001}}, rules.LimitAboveGrantor),
        ({"limits": {"refund_minor": -1}}, rules.NotALimit),
        ({"networks": ["192.0.2.0/33"]}, apikeys.NotANetwork),
        ({"days": 367}, apikeys.KeyLivesTooLong),
        ({"days": 0}, apikeys.KeyLivesTooLong),
    ],
)
def test_a_key_that_could_do_too_much_is_not_made(in_a, owner, now, change, refusal):
    given = {"scopes": ["invoice:read"], "limits": {}, "networks": [], "days": 30, **change}
    with pytest.raises(refusal), context.attempt():
        apikeys.create(
            name="x",
            scopes=given["scopes"],
            limits=given["limits"],
            networks=given["networks"],
            expires_at=now + timedelta(days=given["days"]),
            actor=make.actor(owner.user),
            at=now,
        )
    assert ApiKey.objects.count() == 0


def test_nobody_makes_a_key_with_rights_they_lack_and_no_key_makes_a_key(in_a, owner, now):
    developer = make.member("developer", at=now)
    with pytest.raises(rules.GrantorLacksTheRight), context.attempt():
        make.api_key(developer, scopes=["invoice:write"], at=now)
    made = make.api_key(owner, at=now)
    machine = Actor(
        kind=ActorKind.API_KEY,
        via=Via.API,
        request_id=ids.uuid7(),
        id=made.key.pk,
        key_id=made.key.pk,
        method=SignInMethod.API_KEY,
    )
    with pytest.raises(Forbidden), context.attempt():
        apikeys.create(
            name="x",
            scopes=["invoice:read"],
            limits={},
            expires_at=now + timedelta(days=1),
            actor=machine,
            at=now,
        )
    assert ApiKey.objects.count() == 1


def test_what_a_key_asks_for_its_maker_cannot_approve(in_a, owner, now):
    made = make.api_key(owner, limits={"refund_minor": 700}, at=now)
    machine = Actor(
        kind=ActorKind.API_KEY,
        via=Via.API,
        request_id=ids.uuid7(),
        id=made.key.pk,
        key_id=made.key.pk,
        method=SignInMethod.API_KEY,
    )
    assert queries.limits_of_actor(actor=machine, at=now) == {Limit.REFUND_MINOR: 700}
    assert queries.permissions_of_actor(
        actor=machine, tenant=queries.current_organization(), at=now
    ) == frozenset(API_KEY_SCOPES)
    clerk = make.member("billing_clerk", at=now)
    asked = approvals.request(
        kind=members.ROLE_KIND,
        payload={"member": str(clerk.pk), "role": str(queries.role("admin").pk)},
        actor=machine,
        at=now,
    )
    assert (asked.requested_by, asked.requested_key) == (owner.user_id, made.key.pk)
    for actor in (make.actor(owner.user), machine):
        with pytest.raises(Forbidden), context.attempt():
            approvals.approve(request_id=asked.pk, actor=actor, at=now)
    assert Membership.objects.get(pk=clerk.pk).role.code == "billing_clerk"


def test_use_is_noted_at_most_once_a_minute(in_a, owner, now):
    made = make.api_key(owner, at=now)
    for seconds in (0, 30, 59):
        apikeys.authenticate(made.raw, at=now + timedelta(seconds=seconds), address=HOME)
    assert ApiKey.objects.get(pk=made.key.pk).last_used_at == now
    apikeys.authenticate(made.raw, at=now + timedelta(seconds=61), address=HOME)
    assert ApiKey.objects.get(pk=made.key.pk).last_used_at == now + timedelta(seconds=61)


def test_authenticating_is_one_query(in_a, owner, now, django_assert_num_queries):
    made = make.api_key(owner, at=now)
    apikeys.authenticate(made.raw, at=now, address=HOME)
    with django_assert_num_queries(1):
        found = apikeys.authenticate(made.raw, at=now, address=HOME)
        assert queries.permissions_of_key(found) == API_KEY_SCOPES


def test_the_first_look_up_finds_what_usable_key_finds(in_a, owner, now):
    made = make.api_key(owner, scopes=["invoice:read"], at=now)
    named = {"at": now, "secret_hash": tokens.digest("api_key", made.raw)}
    usable, found = queries.usable_key(**named), workingkeys.find(**named)
    for name in ("pk", "tenant_id", "scopes", "networks", "expires_at", "last_used_at", "name"):
        assert getattr(found, name) == getattr(usable, name), name
    assert (found.tenant.slug, found.created_by.user_id) == (usable.tenant.slug, usable.created_by.user_id)
    assert found.created_by.role.permissions(of_operator=False) == queries.permissions_of(
        usable.created_by, of_operator=False
    )
    ended = {"expires_at": now}, {"revoked_at": now}
    for change in ended:
        ApiKey.objects.filter(pk=made.key.pk).update(**change)
        assert (queries.usable_key(**named), workingkeys.find(**named)) == (None, None)
        ApiKey.objects.filter(pk=made.key.pk).update(expires_at=usable.expires_at, revoked_at=None)
    for model, row, change in (
        (Membership, owner.pk, {"state": "suspended"}),
        (Membership, owner.pk, {"expires_at": now}),
        (User, owner.user_id, {"state": User.State.SUSPENDED}),
    ):
        before = {name: getattr(model.objects.get(pk=row), name) for name in change}
        assert workingkeys.find(**named) is not None
        with context.account(owner.user_id):
            model.objects.filter(pk=row).update(**change)
        assert (queries.usable_key(**named), workingkeys.find(**named)) == (None, None), change
        with context.account(owner.user_id):
            model.objects.filter(pk=row).update(**before)


def test_nobody_stops_or_replaces_a_key_of_somebody_out_of_their_reach(in_a, owner, now):
    admin, second = make.member("admin", at=now), make.member("owner", at=now)
    made = make.api_key(owner, scopes=["customer:read"], at=now)
    for attack in (
        lambda: apikeys.revoke(key_id=made.key.pk, actor=make.actor(admin.user), at=now),
        lambda: apikeys.rotate(
            key_id=made.key.pk, overlap=timedelta(0), actor=make.actor(admin.user), at=now
        ),
    ):
        with pytest.raises(rules.OutOfReach), context.attempt():
            attack()
    kept = ApiKey.objects.get()
    assert (kept.pk, kept.revoked_at, kept.replaced_by) == (made.key.pk, None, None)
    assert not Event.objects.filter(event__in=["apikey.revoked", "apikey.rotated"]).exists()
    own = make.api_key(admin, scopes=["customer:read"], at=now)
    apikeys.revoke(key_id=own.key.pk, actor=make.actor(admin.user), at=now)
    apikeys.revoke(key_id=made.key.pk, actor=make.actor(second.user), at=now)
    assert ApiKey.objects.filter(revoked_at__isnull=True).count() == 0


def test_a_key_goes_no_further_than_its_maker_goes_now(in_a, owner, now):
    maker = make.member("owner", at=now)
    made = make.api_key(maker, limits={"refund_minor": 60_000, "export_rows": 5}, at=now)
    acting = Actor(
        kind=ActorKind.API_KEY, via=Via.API, request_id=ids.uuid7(), id=made.key.pk, key_id=made.key.pk
    )
    assert queries.limits_of_actor(actor=acting, at=now) == {Limit.REFUND_MINOR: 60_000, Limit.EXPORT_ROWS: 5}
    for role, limits in (
        ("billing_manager", {Limit.REFUND_MINOR: 50_000, Limit.EXPORT_ROWS: 5}),
        ("accountant", {Limit.REFUND_MINOR: 0, Limit.EXPORT_ROWS: 5}),
        ("developer", {Limit.REFUND_MINOR: 0, Limit.EXPORT_ROWS: 0}),
    ):
        members.set_role(member_id=maker.pk, role=queries.role(role), actor=make.actor(owner.user))
        assert queries.limits_of_actor(actor=acting, at=now) == limits
