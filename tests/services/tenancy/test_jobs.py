"""Work that no worker could be asked for: it begins later, or it has failed and says so. Nothing waits for ever."""

from datetime import timedelta
from uuid import UUID

import pytest
from kombu.exceptions import OperationalError

from compliance import tasks as compliance
from compliance.packs import making
from config.celery import app
from core import clock
from crypto import tasks as keys
from crypto.envelope import Purpose
from tenancy import jobs
from tenancy.context import Scope, scope
from tenancy.models import Job
from tenancy.tasks import send_again
from tests.make import accounts


class Broker:
    """What tasks are sent to: away, or noting what came."""

    def __init__(self) -> None:
        self.away, self.came = True, list[list[str]]()

    def take(self, sent: list[str], **options: object) -> None:
        if self.away:
            raise OperationalError("no broker")
        self.came.append(sent)


@pytest.mark.django_db(transaction=True)
def test_what_could_not_be_handed_over_begins_later_or_fails(tenant_a: UUID, monkeypatch) -> None:
    broker = Broker()
    monkeypatch.setattr(compliance.make_pack, "delay", lambda *sent: broker.take(list(sent)))
    monkeypatch.setattr(keys.rotate, "apply_async", broker.take)
    with scope(Scope(tenant_a)):
        owner = accounts.member("owner").user
        actor = accounts.actor(owner)
        long_ago = clock.now() - timedelta(days=2)
        lost = jobs.start(kind="compliance.pack", at=long_ago)
        busy = jobs.start(kind="compliance.pack", at=clock.now())
    # As the doorway does it: in the scope of whoever asks.
    with scope(Scope(tenant_a, user=owner.pk)):
        today = clock.today()
        pack = making.ask(framework="gdpr", since=today, until=today, actor=actor, at=clock.now())
        rotation = keys.ask(purpose=Purpose.FIELDS, actor=actor, at=clock.now())

    def states() -> dict[UUID, tuple[str, str]]:
        with scope(Scope(tenant_a)):
            rows = Job.objects.values_list("pk", "state", "code")
            return {key: (state, code) for key, state, code in rows}

    assert states() == {
        pack.job_id: ("queued", "not_handed_over"),
        rotation.pk: ("failed", "not_handed_over"),
        lost.pk: ("queued", ""),
        busy.pk: ("queued", ""),
    }
    # What has failed keeps nobody from asking again.
    with scope(Scope(tenant_a)):
        assert jobs.lasting(kind=keys.KIND) is None
    assert send_again.apply().get() == 0
    assert states()[pack.job_id] == ("queued", "not_handed_over")
    broker.away = False
    assert (send_again.apply().get(), send_again.apply().get()) == (1, 0)
    assert broker.came == [[str(tenant_a), str(pack.pk)]]
    assert (states()[pack.job_id], states()[busy.pk]) == (("queued", ""), ("queued", ""))
    assert states()[lost.pk] == ("failed", "never_begun")


def test_whatever_keeps_a_state_of_its_own_is_sent_again() -> None:
    """A job that fails here would leave its record behind, waiting for nobody."""
    app.loader.import_default_modules()  # as a worker does, whatever else this run has imported
    wanted = {
        "export.make",
        "import.check",
        "import.run",
        "import.undo",
        "compliance.pack",
        "privacy.collect",
    }
    assert wanted <= jobs._senders.keys()
