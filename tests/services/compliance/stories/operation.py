"""How daily work is put in order, and broken."""

from core import clock
from outbound import files
from outbound.models import OutboxMessage
from outbound.webhooks import services as webhooks
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.services.compliance.stories.told import ACTOR, Told, World, old, owner, story


@story("operation.mail")
class MailLeaves(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            OutboxMessage(
                template="receipt", created_at=at, next_attempt_at=at, body={"to": "a@b.example"}
            ).save(force_insert=True)

    def harm(self, world: World) -> None:
        owner("UPDATE outbound_outboxmessage SET next_attempt_at = now() - interval '2 hours'")


@story("operation.webhooks")
class WebhooksTaken(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            made = webhooks.create(url="https://93.184.216.34/hook", actor=ACTOR, at=clock.now())
            webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)

    def harm(self, world: World) -> None:
        owner(
            "UPDATE outbound_webhookdelivery SET state = 'failed', next_attempt_at = NULL, finished_at = now()"
        )


@story("operation.jobs")
class JobsEnd(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            jobs.start(kind="test", at=clock.now())

    def harm(self, world: World) -> None:
        old("tenancy_job", "created_at", 2)


@story("operation.files")
class FilesOpen(Told):
    def mend(self, world: World) -> None:
        world.settings.FILES_DIR = world.folder / "files"
        with scope(Scope(world.tenant)):
            files.store(
                kind="import", name="x.csv", media_type="text/csv", chunks=[b"a;b\n" * 99], actor=ACTOR,
                at=clock.now(),
            )  # fmt: skip

    def harm(self, world: World) -> None:
        """One bit of one stored file turns."""
        path = next(path for path in (world.folder / "files").rglob("*") if path.is_file())
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
