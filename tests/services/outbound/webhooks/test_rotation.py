"""The data key of webhooks is rotated: secrets go on signing, answers stay readable, the old key opens nothing."""

import pytest
from standardwebhooks import Webhook

from core import clock
from crypto import rotation
from crypto.envelope import Purpose
from crypto.models import DataKey
from outbound.models import WebhookAttempt
from tenancy.context import Scope, scope
from tests import databases
from tests.services.outbound.webhooks.conftest import ACTOR, Story

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "rekey"])


def test_secrets_go_on_signing_under_the_new_key(story: Story):
    made = story.endpoint()
    story.happen()
    story.deliver()
    before = databases.as_owner("SELECT url, secret FROM outbound_webhookendpoint")
    done = rotation.rotate(
        tenant_id=story.tenant,
        purpose=Purpose.WEBHOOKS,
        actor=ACTOR,
        clock=clock.now,
        progress=lambda done, total: None,
        batch=rotation.BATCH,
    )
    # the address, the secret and one answer
    assert done.values == 3
    with scope(Scope(story.tenant)):
        keys = DataKey.objects.filter(purpose="webhooks").order_by("version")
        assert [key.state for key in keys] == ["disabled", "primary"]
        assert WebhookAttempt.objects.get().response == "thanks"
    assert databases.as_owner("SELECT url, secret FROM outbound_webhookendpoint") != before
    story.happen()
    assert story.deliver() == 1
    told = story.receiver.told[1]
    assert Webhook(made.secret).verify(told.body, told.headers)["type"] == "invoice.paid"
