"""Whether backups are fresh and were restored, software is current, people are trained, and somebody watches."""

from datetime import datetime, timedelta

from alerts.models import Alert, AlertRule, Watch
from backups import queries as backups
from compliance.controls import rules
from compliance.controls.models import ControlResult
from compliance.controls.rules import Control, Outcome
from compliance.requests.models import PrivacyRequest
from core import ids
from patching import queries as patching
from patching.rules import State as Patched
from tenancy.context import current_tenant
from tenancy.models import Tenant
from training import queries as training
from training.practice import queries as practice
from training.practice.rules import SMALLEST_GROUP

BACKUP_WITHIN = timedelta(hours=30)
DRILL_WITHIN = timedelta(days=31)
PRACTISED_WITHIN = timedelta(days=365)
WATCHED_WITHIN = timedelta(minutes=5)


def backup_fresh(at: datetime) -> Outcome:
    """Look how old the newest backup is."""
    known = backups.evidence()
    if known.last_backup_at is None:
        return rules.failed("There is no backup.", kept=known.backups_kept)
    hours = int((at - known.last_backup_at) / timedelta(hours=1))
    facts: dict[str, str | int | bool] = {
        "hours": hours,
        "kept": known.backups_kept,
        "targets": known.targets,
    }
    if known.is_backup_late or at - known.last_backup_at > BACKUP_WITHIN:
        return rules.failed(f"The newest backup is {hours} hours old.", **facts)
    if known.targets < 1:
        return rules.failed("There is no place that backups are sent to.", **facts)
    return rules.passed(f"The newest backup is {hours} hours old; {known.backups_kept} are kept.", **facts)


def backup_places(at: datetime) -> Outcome:
    """Look whether a thief or a fire would leave a backup."""
    known = backups.evidence()
    if known.places_seen_at is None:
        return rules.unknown("The worker has not said yet where backups go.")
    missing = [
        words
        for count, words in (
            (known.targets_immutable, "none refuses to delete early"),
            (known.targets_offsite, "none is on another machine"),
        )
        if not count
    ]
    return rules.judged(
        missing,
        good="One place of backups refuses to delete early, and one is on another machine.",
        wrong=f"Of the places of backups {' and '.join(missing)}.",
        immutable=known.targets_immutable,
        offsite=known.targets_offsite,
    )


def drill_passed(at: datetime) -> Outcome:
    """Look when a backup was last restored, and how that went."""
    known = backups.evidence()
    facts: dict[str, str | int | bool] = {"passed": known.drills_passed, "failed": known.drills_failed}
    if known.last_passed_at is None:
        return rules.failed("No backup has ever been restored.", **facts)
    days = rules.days(at - known.last_passed_at)
    bad = [name for name, ok in known.checks if not ok]
    if known.last_drill_passed is False:
        return rules.failed("The last drill failed.", bad, **facts)
    if at - known.last_passed_at > DRILL_WITHIN:
        return rules.failed(f"The last drill that passed was {days} days ago.", **facts)
    seconds = (known.rto_milliseconds or 0) // 1000
    return rules.passed(
        f"A backup was restored {days} days ago, in {seconds:,} seconds, and all {len(known.checks)} checks held.",
        rto_seconds=seconds,
        rpo_seconds=(known.rpo_milliseconds or 0) // 1000,
        **facts,
    )


def patched(at: datetime) -> Outcome:
    """Look whether known weaknesses are mended in time; a silent source is no answer."""
    known = patching.evidence(at)
    facts: dict[str, str | int | bool] = {
        "components": known.components,
        "open": known.open,
        "overdue": known.overdue,
        "accepted": known.accepted,
        "unknown": known.unknown,
    }
    if known.overdue:
        return rules.failed(f"{known.overdue} known weaknesses are overdue.", **facts)
    if known.state is Patched.UNKNOWN or known.checked_at is None:
        return rules.unknown("Nobody can tell: the source of advisories is silent or old.", **facts)
    return rules.passed(
        f"{known.components} components were looked at; {known.open} weaknesses are open and none is overdue.",
        **facts,
    )


def trained(at: datetime) -> Outcome:
    """Look whose training is overdue."""
    known = training.status(today=at.date())
    facts: dict[str, str | int | bool] = {
        "members": known.members,
        "complete": known.complete,
        "overdue": known.overdue,
        "assigned": known.assigned,
        "withheld": known.withheld,
    }
    if known.overdue:
        return rules.failed(f"{known.overdue} of {known.members} members are overdue.", **facts)
    if known.assigned < known.members:
        missing = known.members - known.assigned
        return rules.failed(f"{missing} members were never assigned any training.", **facts)
    return rules.passed(f"Nobody of {known.members} members is overdue.", **facts)


def practised(at: datetime) -> Outcome:
    """Look when people last practised to see and report a phishing mail."""
    members = training.status(today=at.date()).members
    last = practice.last_practised_at()
    if last is None and members < SMALLEST_GROUP:
        return rules.not_applicable("Fewer than five people work here: a number would name somebody.")
    if last is None:
        due = _practice_due(at)
        if at < due:
            return rules.not_applicable(
                f"Nobody has practised yet: the first practice is due by {due:%-d %B %Y}."
            )
        return rules.failed("Nobody has practised yet.", members=members)
    days = rules.days(at - last)
    if at - last > PRACTISED_WITHIN:
        return rules.failed(f"People last practised {days} days ago.", days=days, members=members)
    return rules.passed(f"People practised {days} days ago.", days=days, members=members)


def _practice_due(at: datetime) -> datetime:
    """Return the end of the first period: of the organization, or of this control where it was first asked later."""
    began: datetime = Tenant.objects.values_list("created_at", flat=True).get(pk=current_tenant())
    asked = ControlResult.objects.filter(code="assurance.practised").order_by("at")
    first: datetime | None = asked.values_list("at", flat=True).first()
    return max(began, first or at) + PRACTISED_WITHIN


def watched(at: datetime) -> Outcome:
    """Look when the alert rules last went through the trails of all organizations: the operator's row says so."""
    watch = Watch.objects.first()
    if watch is None or watch.looked_at is None:
        return rules.unknown("The alert rules have not looked yet.")
    seconds = max(0, round((at - watch.looked_at).total_seconds()))
    if at - watch.looked_at > WATCHED_WITHIN:
        return rules.failed(f"The alert rules last looked {seconds:,} seconds ago.", seconds=seconds)
    return rules.passed(f"The alert rules last looked {seconds} seconds ago.", seconds=seconds)


def alerts_answered(at: datetime) -> Outcome:
    """Look for grave alerts that nobody has taken up."""
    rows = Alert.objects.filter(state=Alert.State.OPEN, severity__in=["high", "critical"], due_at__lt=at)
    found = sorted(rows.values_list("rule", flat=True))
    return rules.judged(
        found,
        good="Every grave alert was taken up in time.",
        wrong="Grave alerts that nobody has taken up in time: {n}.",
    )


def rules_on(at: datetime) -> Outcome:
    """Look for grave alert rules that were switched off."""
    newest: dict[str, AlertRule] = {}
    for row in AlertRule.objects.order_by("version"):
        newest[row.code] = row
    off = sorted(
        code for code, row in newest.items() if not row.enabled and row.severity in ("high", "critical")
    )
    return rules.judged(
        off,
        good="No grave alert rule is switched off.",
        wrong="Grave alert rules that are switched off: {n}.",
        changed=len(newest),
    )


def requests_answered(at: datetime) -> Outcome:
    """Look for requests of people about their data whose day has passed."""
    ended = (PrivacyRequest.State.ANSWERED, PrivacyRequest.State.REFUSED, PrivacyRequest.State.WITHDRAWN)
    waiting = PrivacyRequest.objects.exclude(state__in=ended)
    late = waiting.filter(due_on__lt=at.date())
    return rules.judged(
        [ids.encode("privacy_request", each) for each in late.values_list("pk", flat=True)],
        good=f"Requests of people about their data that are open: {waiting.count()}; none is late.",
        wrong="Requests of people about their data whose day has passed: {n}.",
        open=waiting.count(),
    )


CONTROLS = (
    Control(
        code="assurance.backup_fresh",
        title="There is a fresh backup",
        family="assurance",
        checks="The age of the newest finished backup, how many are kept, and where they go.",
        passes="It is younger than 30 hours and lies in at least one place of its own.",
        fails="It is older, or there is none.",
        matters="What is lost after the last backup is lost.",
        remedy="The operator makes one now and sees why the schedule did not.",
        maps=(("gdpr", "32(1)(c)"), ("hipaa", "308(a)(7)"), ("gdpr", "32(1)(b)")),
        check=backup_fresh,
        of_host=True,
    ),
    Control(
        code="assurance.backup_places",
        title="A thief or a fire leaves a backup",
        family="assurance",
        checks="Of what kind the places of backups are, as the worker that reaches them found.",
        passes="One refuses to delete before its day, whoever asks, and one is on another machine.",
        fails="None is: who breaks in deletes the backups first, and a fire takes both.",
        matters="An extortioner begins with the backups.",
        remedy="The operator adds a bucket that locks its objects; the runbook of keys and places says how.",
        maps=(("gdpr", "32(1)(c)"), ("gdpr", "32(1)(b)"), ("hipaa", "308(a)(7)")),
        check=backup_places,
        of_host=True,
    ),
    Control(
        code="assurance.drill_passed",
        title="A backup was restored within a month, and all was there",
        family="assurance",
        checks="The last restore drill: rows, ledger, seals, encrypted values and sign-in on a scratch server.",
        passes="It is younger than 31 days and every check held.",
        fails="It failed, or nobody has tried for a month.",
        matters="A backup that was never restored is a hope.",
        remedy="The operator starts a drill and follows the failed step.",
        maps=(("gdpr", "32(1)(c)"), ("gdpr", "32(1)(d)"), ("hipaa", "308(a)(7)"), ("hipaa", "308(a)(8)")),
        check=drill_passed,
        of_host=True,
    ),
    Control(
        code="assurance.patched",
        title="Known weaknesses are mended in time",
        family="assurance",
        checks="Everything that runs against a source of advisories, its age, and each finding's due day.",
        passes="The source is fresh and nothing is overdue.",
        fails="A finding is overdue. A silent source counts as undecided, never as clean.",
        matters="Most break-ins use a weakness that was known and could have been mended.",
        remedy="The operator prepares the upgrade, or accepts the risk with a second person until a day.",
        maps=(
            ("pci-dss", "6.3.1"),
            ("pci-dss", "6.3.2"),
            ("pci-dss", "6.3.3"),
            ("asvs", "15.1.1"),
            ("asvs", "15.1.2"),
            ("asvs", "15.2.1"),
        ),
        check=patched,
        of_host=True,
    ),
    Control(
        code="assurance.trained",
        title="Everybody is trained",
        family="assurance",
        checks="What each active member was assigned and has finished.",
        passes="Everybody was assigned something and nobody is overdue.",
        fails="Somebody is overdue, or was never assigned anything.",
        matters="Most attacks begin with a message to a person.",
        remedy="Remind them on the page of training; sensitive rights are withheld after the grace days.",
        maps=(
            ("pci-dss", "12.6.1"),
            ("pci-dss", "12.6.3"),
            ("pci-dss", "12.6.3.1"),
            ("hipaa", "308(a)(5)(ii)(A-D)"),
        ),
        check=trained,
    ),
    Control(
        code="assurance.practised",
        title="People practise to report an attack",
        family="assurance",
        checks="When phishing practice was last released that reached five people or more.",
        passes="Within a year.",
        fails="Nobody has practised for a year, be it the first one of the organization or of this control.",
        matters="Whoever has never reported a harmless mail does not report the real one.",
        remedy="Plan practice under Training, with an easy mail first; a second person releases it.",
        maps=(("pci-dss", "12.6.3"), ("pci-dss", "12.6.3.1")),
        check=practised,
    ),
    Control(
        code="assurance.watched",
        title="Somebody watches",
        family="assurance",
        checks="When the alert rules last went through the trails of all organizations.",
        passes="Within five minutes.",
        fails="They look no more: an attack would be recorded and told to nobody.",
        matters="A trail that nobody reads finds the burglar after a year.",
        remedy="See whether beat and the worker run.",
        maps=(
            ("pci-dss", "10.4.1"),
            ("pci-dss", "10.7.1-10.7.3"),
            ("hipaa", "308(a)(1)(ii)(D)"),
            ("asvs", "16.3.3"),
        ),
        check=watched,
        of_host=True,
        asks_operator=True,
    ),
    Control(
        code="assurance.alerts_answered",
        title="Grave alerts are taken up",
        family="assurance",
        checks="Open alerts of high and critical severity, and when somebody should have looked.",
        passes="Each was taken up before it was due.",
        fails="One waits for somebody.",
        matters="An alert that nobody answers teaches everybody to ignore the next.",
        remedy="Open the inbox, take it up, and close it with a reason.",
        maps=(("pci-dss", "10.4.1"), ("hipaa", "308(a)(6)(ii)"), ("gdpr", "33")),
        check=alerts_answered,
    ),
    Control(
        code="assurance.rules_on",
        title="No grave alert rule is switched off",
        family="assurance",
        checks="The newest version of each alert rule that this organization has changed.",
        passes="Every rule of high or critical severity is on.",
        fails="One is off.",
        matters="Whoever plans something switches the alarm off first.",
        remedy="Switch it on again on its page, and ask who switched it off and why.",
        maps=(("pci-dss", "10.7.1-10.7.3"), ("asvs", "16.3.3")),
        check=rules_on,
    ),
    Control(
        code="privacy.requests",
        title="People who ask about their data are answered in time",
        family="privacy",
        checks="Requests for access, correction, erasure and the like, against the day they are due.",
        passes="None is late.",
        fails="Somebody has not been answered within the time the law gives.",
        matters="A month is soon over, and the second month must be asked for in the first.",
        remedy="Open the request, collect, and answer; or take the longer time with a reason while it can be taken.",
        maps=(("gdpr", "12"), ("gdpr", "15"), ("gdpr", "17"), ("gdpr", "20"), ("gdpr", "18, 19, 21")),
        check=requests_answered,
    ),
)
