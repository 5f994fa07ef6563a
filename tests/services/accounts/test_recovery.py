"""Asking for a way back in: the same answer for everybody, and no address in the queue."""

import base64
import json
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import RecoveryToken, User
from accounts.services import recovery
from accounts.throttle import TryAgainLater
from crypto import blindindex
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make


def _queued() -> list[list[str]]:
    """Return the arguments of every recovery task that waits in the queue, the newest first."""
    found = []
    queue = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] + settings.CELERY_TASK_DEFAULT_QUEUE
    with current_app.connection_for_read() as broker:
        for raw in broker.default_channel.client.execute_command("LRANGE", queue, 0, -1):
            message = json.loads(raw)
            if message["headers"]["task"] == "accounts.send_recovery":
                arguments, _, _ = json.loads(base64.b64decode(message["body"]))
                found.append(arguments)
    return found


@pytest.mark.django_db(transaction=True)
def test_the_queue_is_told_a_blind_index_and_nobody_can_tell_who_has_an_account(now):
    with context.scope(Scope()):
        known = make.person(at=now).email
    unknown = make.address()
    queries = {}
    for email in (known, unknown):
        with CaptureQueriesContext(connection) as captured, context.scope(Scope()):
            assert recovery.request(email=f" {email.upper()} ", network=make.network(), at=now) is None
        queries[email] = [query["sql"] for query in captured if '"accounts_' in query["sql"]]
    assert queries == {known: [], unknown: []}
    with context.scope(Scope()):
        expected = [
            [bytes(blindindex.lookup(User, "email_index", email)).hex()] for email in (known, unknown)
        ]
        assert RecoveryToken.objects.count() == 0
    assert [arguments for arguments in _queued() if arguments in expected] == expected[::-1]


def _queued_for(email: str) -> int:
    with context.scope(Scope()):
        index = bytes(blindindex.lookup(User, "email_index", email)).hex()
    return _queued().count([index])


@pytest.mark.django_db(transaction=True)
def test_one_network_that_asks_for_many_links_is_slowed_and_shuts_nobody_else_out(now):
    email, attacker = make.address(), make.network()
    for _ in range(3):
        with context.scope(Scope()):
            recovery.request(email=email, network=attacker, at=now)
    with pytest.raises(TryAgainLater), context.scope(Scope()):
        recovery.request(email=email, network=attacker, at=now)
    assert _queued_for(email) == 3
    with context.scope(Scope()):
        recovery.request(email=email, network=make.network(), at=now)
    assert _queued_for(email) == 4


@pytest.mark.django_db(transaction=True)
def test_nobody_floods_a_mailbox_and_nobody_is_told(now):
    email = make.address()
    for _ in range(25):
        with context.scope(Scope()):
            assert recovery.request(email=email, network=make.network(), at=now) is None
    assert _queued_for(email) == 20
    with context.scope(Scope()):
        recovery.request(email=email, network=make.network(), at=now + timedelta(minutes=15))
    assert _queued_for(email) == 21
