"""Guessing passwords and codes (ASVS 6.1.1, 6.3.1, 6.5.1): slowed down, and never at the victim's cost."""

import threading
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from accounts import queries, rules, throttle
from accounts.models import Session
from accounts.services import sessions, signin
from accounts.services.sessions import Origin
from accounts.services.signin import WrongCode, WrongCredentials
from accounts.throttle import Counter, CountersUnavailable, TryAgainLater
from core import clock
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

pytestmark = pytest.mark.django_db


def _try(email: str, password: str, network: str, at: datetime) -> type[Exception] | None:
    try:
        with context.scope(Scope()):
            signin.with_password(email=email, password=password, origin=Origin(network=network), at=at)
    except (WrongCredentials, TryAgainLater) as refused:
        return type(refused)
    return None


def _guess_until_slowed(email: str, network: str, at: datetime) -> int:
    for attempt in range(100):
        if _try(email, "wrong wrong wrong wrong", network, at) is TryAgainLater:
            return attempt
    return 100


def test_the_fifth_guess_waits_and_waits_double_each_time():
    at = clock.now()
    with context.scope(Scope()):
        email = make.person(at=at).email
    network = make.network()
    assert _guess_until_slowed(email, network, at) == 4
    waits = []
    for _ in range(5):
        with pytest.raises(TryAgainLater) as slowed, context.scope(Scope()):
            signin.with_password(email=email, password="wrong", origin=Origin(network=network), at=at)
        waits.append(slowed.value.retry_after_seconds)
        at += timedelta(seconds=slowed.value.retry_after_seconds)
        assert _try(email, "wrong wrong wrong wrong", network, at) is WrongCredentials
    assert waits == [2, 4, 8, 16, 32]


def test_after_ten_failures_a_network_waits_half_an_hour():
    assert rules.ACCOUNT_AND_NETWORK.wait_seconds(9) == 64
    assert {rules.ACCOUNT_AND_NETWORK.wait_seconds(number) for number in (10, 11, 50)} == {1800}


def test_a_victim_signs_in_from_their_own_network_while_the_whole_world_guesses():
    at = clock.now()
    with context.scope(Scope()):
        victim = make.person(at=at)
        home = Origin(network=make.network())
        make.session(victim, at=at - timedelta(days=30), origin=home)
    worldwide = 0
    for _ in range(40):
        if _try(victim.email, "wrong wrong wrong wrong", make.network(), at) is TryAgainLater:
            worldwide += 1
    assert worldwide == 20
    assert _try(victim.email, make.PASSWORD, make.network(), at) is TryAgainLater
    assert _try(victim.email, make.PASSWORD, home.network, at) is None
    with context.scope(Scope()):
        assert Session.objects.filter(user=victim, stage="pending", network=home.network).count() == 1


def test_a_victims_own_device_is_known_on_a_new_network():
    at = clock.now()
    with context.scope(Scope()):
        victim = make.person(at=at)
        make.session(victim, at=at, origin=Origin(network=make.network(), device_key="cookie-of-the-laptop"))
        travelling = Origin(network=make.network(), device_key="cookie-of-the-laptop")
        assert sessions.knows(user=victim, origin=travelling, at=at) is True
        assert sessions.knows(user=make.person(), origin=travelling, at=at) is False
        assert sessions.knows(user=victim, origin=travelling, at=at + timedelta(days=91)) is False


@pytest.mark.parametrize("attack", ["one account", "spraying"])
def test_an_attacker_on_the_same_network_does_not_lock_out_a_known_device(attack):
    at, office = clock.now(), make.network()
    with context.scope(Scope()):
        victim = make.person(at=at)
        laptop = Origin(network=office, device_key="cookie-of-the-laptop")
        make.session(victim, at=at - timedelta(days=30), origin=laptop)
    for _ in range(45):
        email = victim.email if attack == "one account" else make.address()
        _try(email, "wrong wrong wrong wrong", office, at)
    # A stranger's device waits, even with the right password.
    assert _try(victim.email, make.PASSWORD, office, at) is TryAgainLater
    with context.scope(Scope()):
        opened = signin.with_password(email=victim.email, password=make.PASSWORD, origin=laptop, at=at)
        device = queries.factors_of(victim.pk).totp
        signin.with_totp(
            session=opened.session,
            code=make.code(device, at=at),
            actor=make.stranger(network=office),
            at=at,
        )
    with context.scope(Scope()):
        assert Session.objects.get(pk=opened.session.pk).stage == "active"


def test_a_known_device_is_slowed_by_its_own_failures_and_known_for_its_own_person_only():
    at, office = clock.now(), make.network()
    laptop = Origin(network=office, device_key="cookie-of-the-laptop")
    with context.scope(Scope()):
        owner, other = make.person(at=at), make.person(at=at)
        make.session(owner, at=at, origin=laptop)
    for person in (owner, other):
        outcomes = []
        for _ in range(6):
            with pytest.raises((WrongCredentials, TryAgainLater)) as refused, context.scope(Scope()):
                signin.with_password(email=person.email, password="wrong", origin=laptop, at=at)
            outcomes.append(refused.type)
        assert outcomes == [WrongCredentials] * 4 + [TryAgainLater] * 2
    # Guessing at somebody else from one's own laptop counts where a stranger's guess counts.
    assert _try(other.email, make.PASSWORD, office, at) is TryAgainLater
    assert _try(owner.email, make.PASSWORD, office, at) is None


def test_codes_guessed_on_the_same_network_do_not_lock_out_a_known_device():
    at, office = clock.now(), make.network()
    laptop = Origin(network=office, device_key="cookie-of-the-laptop")
    with context.scope(Scope()):
        victim = make.person(at=at)
        make.session(victim, at=at - timedelta(days=30), origin=laptop)
        theirs = make.session(victim, at=at, complete=False, origin=Origin(network=office))
        mine = make.session(victim, at=at, complete=False, origin=laptop)
        device = queries.factors_of(victim.pk).totp
    actor = make.stranger(network=office)
    wrong = f"{(int(make.code(device, at=at)) + 500_000) % 1_000_000:06d}"
    for _ in range(8):
        with pytest.raises((WrongCode, TryAgainLater)) as refused, context.scope(Scope()):
            signin.with_totp(session=theirs.session, code=wrong, actor=actor, at=at)
    assert refused.type is TryAgainLater
    with context.scope(Scope()):
        signin.with_totp(session=mine.session, code=make.code(device, at=at), actor=actor, at=at)
    with context.scope(Scope()):
        assert Session.objects.get(pk=mine.session.pk).stage == "active"


def test_one_network_that_tries_many_accounts_is_slowed():
    at, network = clock.now(), make.network()
    outcomes = [_try(make.address(), "wrong wrong wrong wrong", network, at) for _ in range(45)]
    assert outcomes == [WrongCredentials] * 40 + [TryAgainLater] * 5


def test_waiting_and_pressing_the_button_does_not_make_the_wait_longer():
    at, network = clock.now(), make.network()
    email = make.address()
    assert _guess_until_slowed(email, network, at) == 4
    assert [_try(email, "x", network, at) for _ in range(20)] == [TryAgainLater] * 20
    assert _try(email, "x", network, at + timedelta(seconds=2)) is WrongCredentials


def test_the_right_password_forgets_the_failures():
    at = clock.now()
    with context.scope(Scope()):
        user = make.person(at=at)
    network = make.network()
    assert [_try(user.email, "wrong", network, at) for _ in range(3)] == [WrongCredentials] * 3
    assert _try(user.email, make.PASSWORD, network, at) is None
    assert [_try(user.email, "wrong", network, at) for _ in range(4)] == [WrongCredentials] * 4


def test_a_burst_counts_before_it_tries():
    counter = Counter(f"burst:{make.network()}", rules.ACCOUNT_AND_NETWORK)
    at = clock.now()
    passed = 0
    for _ in range(30):
        try:
            throttle.take([counter], at=at)
            passed += 1
        except TryAgainLater:
            continue
    assert passed == 4


def test_codes_of_a_second_factor_cannot_be_run_through():
    at = clock.now()
    with context.scope(Scope()):
        user = make.person(at=at)
        device = make.totp(user, at=at)
        opened = make.session(user, at=at, complete=False)
    actor = make.stranger(network=make.network())
    wrong = f"{(int(make.code(device, at=at)) + 500_000) % 1_000_000:06d}"
    refused = []
    for _ in range(8):
        with pytest.raises((WrongCode, TryAgainLater)) as refusal, context.scope(Scope()):
            signin.with_totp(session=opened.session, code=wrong, actor=actor, at=at)
        refused.append(refusal.type)
    assert refused == [WrongCode] * 5 + [TryAgainLater] * 3
    with pytest.raises(TryAgainLater), context.scope(Scope()):
        signin.with_totp(session=opened.session, code=make.code(device, at=at), actor=actor, at=at)


@override_settings(
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nonexistent/valkey.sock",
        }
    }
)
def test_without_its_counters_nobody_gets_in():
    at = clock.now()
    with context.scope(Scope()):
        user = make.person(at=at)
    with pytest.raises(CountersUnavailable) as closed, context.scope(Scope()):
        signin.with_password(email=user.email, password=make.PASSWORD, origin=Origin(network="n"), at=at)
    assert closed.value.status == 503
    with context.scope(Scope()):
        assert not Session.objects.filter(user=user).exists()


def test_somebody_who_gets_in_turns_nobody_away_who_tries_at_the_same_moment():
    counter = Counter("a shared network", rules.Pace(free=1000, longest_seconds=900))
    done = threading.Event()

    def keep_clearing():
        while not done.is_set():
            throttle.clear([counter])

    other = threading.Thread(target=keep_clearing)
    other.start()
    try:
        for _ in range(300):
            throttle.take([counter], at=clock.now())
    finally:
        done.set()
        other.join()
    throttle.clear([counter])


def test_an_account_that_does_not_exist_costs_the_same_hashing_and_the_same_queries():
    at = clock.now()
    with context.scope(Scope()):
        user = make.person(at=at)
    signin._nobodys_password()
    seconds, asked = {}, {}
    for who, email in (("known", user.email), ("unknown", make.address())):
        started = time.process_time()
        with CaptureQueriesContext(connection) as captured:
            assert _try(email, "wrong wrong wrong wrong", make.network(), at) is WrongCredentials
        seconds[who] = time.process_time() - started
        asked[who] = [query["sql"].split("WHERE")[0] for query in captured if '"accounts_' in query["sql"]]
    assert asked["known"] == asked["unknown"]
    assert 0.5 < seconds["known"] / seconds["unknown"] < 2
