"""Whether what should happen by itself happens: mail, webhooks, jobs, stored files."""

from datetime import datetime, timedelta

from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from core import ids
from outbound import files
from outbound.models import OutboxMessage, StoredFile, WebhookDelivery
from tenancy.models import Job

MAIL_WITHIN = timedelta(hours=1)
LONGEST_JOB = timedelta(days=1)
FAILED_WITHIN = timedelta(days=7)
SAMPLE = 25


def mail_leaves(at: datetime) -> Outcome:
    """Look for mail that should have left."""
    waiting = OutboxMessage.objects.filter(
        state__in=[OutboxMessage.State.QUEUED, OutboxMessage.State.SENDING],
        next_attempt_at__lt=at - MAIL_WITHIN,
    ).count()
    given_up = OutboxMessage.objects.filter(
        state=OutboxMessage.State.FAILED, created_at__gt=at - FAILED_WITHIN
    ).count()
    found = [f"{waiting} messages wait for more than an hour"] if waiting else []
    found += [f"{given_up} messages of the last week were given up"] if given_up else []
    return rules.judged(
        found,
        good="Every mail left within an hour, and none of the last week was given up.",
        wrong="Mail does not leave as it should.",
        waiting=waiting,
        given_up=given_up,
    )


def webhooks_taken(at: datetime) -> Outcome:
    """Look for events that nobody took."""
    failed = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.FAILED, finished_at__gt=at - FAILED_WITHIN
    ).count()
    late = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.PENDING, attempts=0, next_attempt_at__lt=at - MAIL_WITHIN
    ).count()
    found = [f"{failed} events of the last week were given up"] if failed else []
    found += [f"{late} events were not tried within an hour"] if late else []
    return rules.judged(
        found, good="Events reach whoever wants them.", wrong="Events do not reach whoever wants them.",
        given_up=failed, late=late,
    )  # fmt: skip


def jobs_end(at: datetime) -> Outcome:
    """Look for long work that never ends."""
    stuck = Job.objects.filter(
        state__in=[Job.State.QUEUED, Job.State.RUNNING], created_at__lt=at - LONGEST_JOB
    )
    found = [ids.encode("job", each) for each in stuck.values_list("pk", flat=True)]
    return rules.judged(
        found,
        good="No work has been queued or running for more than a day.",
        wrong="Work that has been queued or running for more than a day: {n}.",
    )


def files_open(at: datetime) -> Outcome:
    """Read stored files back, the newest and some of the oldest, as far as the last byte."""
    ready = StoredFile.objects.filter(state=StoredFile.State.READY)
    newest = list(ready.order_by("-id")[:SAMPLE])
    oldest = [each for each in ready.order_by("id")[:SAMPLE] if each not in newest]
    damaged, total = [], 0
    for file in [*newest, *oldest]:
        try:
            total += sum(len(piece) for piece in files.plaintext(file))
        except Exception:
            damaged.append(ids.encode("file", file.pk))
    if not newest:
        return rules.passed("There is no stored file.", files=0)
    return rules.judged(
        damaged,
        good=f"{len(newest) + len(oldest)} stored files were read back whole.",
        wrong="Stored files that are damaged or gone: {n}.",
        files=len(newest) + len(oldest),
        bytes=total,
    )


CONTROLS = (
    Control(
        code="operation.mail",
        title="Mail leaves",
        family="operation",
        checks="Messages that wait to leave, and those that were given up in the last seven days.",
        passes="None waits for more than an hour and none was given up.",
        fails="Invoices, reminders, invitations or alerts do not arrive.",
        matters="A warning that never leaves warns nobody.",
        remedy="Check the mail server's address and whether the worker runs.",
        maps=(("pci-dss", "10.7.1-10.7.3"), ("hipaa", "308(a)(6)(ii)")),
        check=mail_leaves,
    ),
    Control(
        code="operation.webhooks",
        title="Events reach whoever wants them",
        family="operation",
        checks="Deliveries that were given up in the last seven days, or never tried.",
        passes="There is none.",
        fails="Another system does not hear what happened here.",
        matters="Systems that disagree make people correct by hand.",
        remedy="Open the endpoint's page for what it answered, and send again.",
        maps=(("gdpr", "16"),),
        check=webhooks_taken,
    ),
    Control(
        code="operation.jobs",
        title="Long work ends",
        family="operation",
        checks="Work that is queued or running.",
        passes="None for more than a day.",
        fails="Something is stuck: a run, an import, a rotation.",
        matters="What never ends was never done.",
        remedy="See whether the workers run; work that was killed is taken up again.",
        maps=(("pci-dss", "10.7.1-10.7.3"),),
        check=jobs_end,
    ),
    Control(
        code="operation.files",
        title="Stored files can be read back",
        family="operation",
        checks="The 25 newest and 25 oldest stored files are decrypted to their last byte.",
        passes="Each agrees with its hash and opens.",
        fails="One is damaged or gone.",
        matters="An invoice that cannot be shown in nine years was not kept.",
        remedy="Bring the file back from a backup, and look at the disk.",
        maps=(("gdpr", "32(1)(b)"), ("hipaa", "312(c)(1)"), ("asvs", "11.3.3")),
        check=files_open,
    ),
)
