"""Rules about what keeps everything else safe: the trail, keys, backups, patches, people, the watch itself."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta

from alerts.rules.base import Group, Hit, Rule, Seen, Settings, Severity, burst, each, hit

_ORGANIZATION = (Group.ORGANIZATION,)
_HOUR = timedelta(hours=1)


def _worse(codes: Collection[str], severity: Severity) -> Callable[[Seen], Severity | None]:
    return lambda event: severity if event.event in codes else None


def _found_plain(event: Seen) -> bool:
    found = event.facts.get("plaintext", event.facts.get("findings", 0))
    return isinstance(found, int) and found > 0


def _several(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """Different rules that speak of one person within a few hours."""
    about: dict[str, list[Seen]] = {}
    for event in events:
        person, rule = str(event.facts.get("person", "")), str(event.facts.get("rule", ""))
        if not person or rule.startswith("META"):
            continue
        window = [one for one in about.get(person, ()) if event.at - one.at <= settings.window]
        window.append(event)
        about[person] = window
        rules = {one.facts.get("rule") for one in window}
        if len(rules) >= settings.threshold:
            yield hit(event, settings, evidence=window, count=len(rules), key=person, person=person)


def _is_less_watched(event: Seen) -> bool:
    if event.event == "alert_rule.changed":
        return event.facts.get("looser") is True
    if event.event == "alert_channel.created":
        return event.facts.get("quieter") is True
    # Who is trusted, and with what key, decides as much about what arrives as the address.
    moved = not {"address", "ca", "secret"}.isdisjoint(event.fields)
    if event.event == "alert_channel.updated":
        return moved or bool(event.facts.get("lost")) or event.facts.get("quieter") is True
    return event.event != "audit_stream.updated" or moved


RULES: tuple[Rule, ...] = (
    Rule(
        code="INT-01",
        title="Audit trail broken",
        sentence="The check of the audit trail found events that were changed, removed or added.",
        why="Somebody who can write to the database covers their tracks. Believe nothing else here before this.",
        steps=(
            "Export the trail and its seals now, and keep them outside.",
            "Compare with the checkpoints that left the host.",
            "Find out who had the database's own rights.",
        ),
        codes=frozenset({"audit.broken"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        judge=each(),
    ),
    Rule(
        code="INT-02",
        title="Audit trail not checked",
        sentence="The audit trail has not been checked against its seals for more than a day.",
        why="A change is found only by looking.",
        steps=("Look at whether the worker runs.", "Check the trail now, on the page Audit trail."),
        codes=frozenset({"audit.check_late"}),
        severity=Severity.HIGH,
        groups=_ORGANIZATION,
        judge=each(),
    ),
    Rule(
        code="INT-03",
        title="Sealing late",
        sentence="Events are no longer sealed within minutes.",
        why="What is not sealed can still be changed unseen by whoever owns the database.",
        steps=("Look at whether the sealer runs.", "Look for a transaction that does not end."),
        codes=frozenset({"audit.sealing_late", "audit.sealing_failed", "audit.sealing_stopped"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        # A sealer that was stopped comes back within moments at each release; one that does not is late.
        judge=each(lambda event: event.event != "audit.sealing_stopped"),
        of_host=True,
    ),
    Rule(
        code="INT-04",
        title="A rule was switched off or loosened",
        sentence="Less is watched than before: a rule, a mute, where alerts go or the trail is sent was changed.",
        why="Whoever is about to do something switches off what would see it.",
        steps=("Look at who changed it and why.", "Set it back if nobody can say."),
        codes=frozenset(
            {
                "alert_rule.changed",
                "alert.muted",
                "alert_channel.removed",
                "alert_channel.disabled",
                "alert_channel.created",
                "alert_channel.updated",
                "audit_stream.removed",
                "audit_stream.paused",
                "audit_stream.updated",
            }
        ),
        severity=Severity.HIGH,
        groups=(Group.ACTOR,),
        judge=each(
            _is_less_watched,
            lambda event: Severity.MEDIUM if event.event == "alert.muted" else None,
        ),
    ),
    Rule(
        code="INT-06",
        title="Alerts or the trail do not arrive",
        sentence="Somebody who should be told is not: a channel fails, or the copy of the trail is late.",
        why="An alert that nobody gets is none, and whoever comes to delete the trail cuts the copy off first.",
        steps=(
            "Look at what the other side answers, on Where alerts go or Streams.",
            "Nothing is lost meanwhile: it is sent once the other side takes it again.",
        ),
        codes=frozenset({"alert_channel.failed", "audit_stream.late", "audit_stream.set_aside"}),
        severity=Severity.HIGH,
        groups=(Group.SUBJECT,),
        # One that somebody has paused is late on purpose: that was told when it was paused.
        judge=each(lambda event: event.facts.get("paused") is not True),
    ),
    Rule(
        code="KEY-01",
        title="Key rotation overdue",
        sentence="An encryption key is older than the policy allows.",
        why="The longer a key is used, the more is lost with it.",
        steps=("Rotate the key on the page Encryption keys; people can go on working.",),
        codes=frozenset({"keys.rotation_overdue"}),
        severity=Severity.MEDIUM,
        groups=(Group.SUBJECT,),
        judge=each(),
    ),
    Rule(
        code="KEY-02",
        title="Keys sealed or destroyed",
        sentence="Keys of an organization were taken out of use.",
        why="Sealing stops everything; destroying cannot be undone.",
        steps=("Ask whoever did it.",),
        codes=frozenset({"organization.sealed", "organization.unsealed", "keys.destroyed"}),
        severity=Severity.HIGH,
        groups=_ORGANIZATION,
        judge=each(),
    ),
    Rule(
        code="ORG-01",
        title="Organization suspended",
        sentence="Whoever runs this installation suspended the organization, or let it work again.",
        why="Nobody works while it lasts; suspending without a cause is an attack of its own.",
        steps=("Ask whoever runs this installation why.", "Requests of people can be answered meanwhile."),
        codes=frozenset({"organization.suspended", "organization.resumed"}),
        severity=Severity.HIGH,
        groups=_ORGANIZATION,
        judge=each(),
    ),
    Rule(
        code="KEY-03",
        title="Values that do not open",
        sentence="{count} stored values could not be decrypted within {window}.",
        why="Stored bytes were changed, moved from another place, or their key is gone.",
        steps=("Look at which table it is.", "Run the encryption scan.", "Compare with a backup."),
        codes=frozenset({"crypto.decrypt_failed", "file.damaged"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        judge=burst(),
        window=timedelta(minutes=5),
        threshold=3,
        unit="values",
    ),
    Rule(
        code="KEY-04",
        title="Plain text in a protected column",
        sentence="The encryption scan found values that are not encrypted.",
        why="What is not encrypted is lost with any copy of the database.",
        steps=("Open What is encrypted to see the table and column.", "Encrypt or remove the value."),
        codes=frozenset({"encryption.scanned"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        judge=each(_found_plain),
    ),
    Rule(
        code="OPS-01",
        title="Backup overdue or failed",
        sentence="There is no backup as new as there should be.",
        why="What is not backed up is lost with the disk.",
        steps=("Look at why on the page Backups.", "Start one by hand."),
        codes=frozenset({"backup.overdue", "backup.failed", "backup.copy_missed", "backup.stream_behind"}),
        severity=Severity.HIGH,
        groups=_ORGANIZATION,
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="OPS-02",
        title="Backup does not verify",
        sentence="A backup could not be verified.",
        why="A backup that cannot be read is none.",
        steps=("Make a new full backup.", "Find out what changed the stored one."),
        codes=frozenset({"backup.verify_failed"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="OPS-03",
        title="Restore drill failed or overdue",
        sentence="A restore was not proved as it should be.",
        why="Only a restored backup is a backup.",
        steps=("Look at the failed step.", "Run a drill."),
        codes=frozenset({"drill.failed", "drill.overdue"}),
        severity=Severity.MEDIUM,
        groups=_ORGANIZATION,
        judge=each(severity=_worse({"drill.failed"}, Severity.HIGH)),
        of_host=True,
    ),
    Rule(
        code="OPS-04",
        title="Backups kept shorter, or a restore asked for",
        sentence="The retention of backups was changed, or a restore was asked for.",
        why="Before an extortion the backups go. A restore puts old data in place of the new.",
        steps=("Ask whoever asked.", "Look at what is still kept."),
        codes=frozenset({"backup.retention_changed", "restore.requested"}),
        severity=Severity.HIGH,
        groups=(Group.ACTOR,),
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="PATCH-01",
        title="Known weakness past its date",
        sentence="Components with known weaknesses were not renewed in time: {count} so far.",
        why="Known weaknesses are what is tried first.",
        steps=(
            "Prepare the upgrade on the page Patches.",
            "Accept it with a reason and an end if it does not apply.",
        ),
        codes=frozenset({"patch.finding_due"}),
        severity=Severity.HIGH,
        groups=(Group.ORGANIZATION, Group.SUBJECT),
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="PATCH-02",
        title="Patch source silent",
        sentence="Nothing new is known about weaknesses: the source is stale or does not answer.",
        why="Not to know is not to be safe.",
        steps=("Import a newer bundle.",),
        codes=frozenset({"patch.feed_stale"}),
        severity=Severity.MEDIUM,
        groups=_ORGANIZATION,
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="PATCH-03",
        title="End of life near",
        sentence="A component gets no more corrections soon.",
        why="After that every weakness stays.",
        steps=("Plan the change.",),
        codes=frozenset({"patch.end_of_life_near"}),
        severity=Severity.LOW,
        groups=_ORGANIZATION,
        judge=each(),
        of_host=True,
    ),
    Rule(
        code="PEOPLE-01",
        title="Training overdue",
        sentence="Members who have access have not done what is due: {count} so far.",
        why="Most attacks begin with a person who did not know better.",
        steps=("Remind them.",),
        codes=frozenset({"training.overdue", "training.withheld"}),
        severity=Severity.LOW,
        groups=(Group.ORGANIZATION, Group.SUBJECT),
        judge=each(severity=_worse({"training.withheld"}, Severity.MEDIUM)),
    ),
    Rule(
        code="PEOPLE-02",
        title="Suspicious message reported",
        sentence="A member reported a suspicious message.",
        why="Where one reports, ten have read it.",
        steps=("Read it.", "Tell everybody if it is real.", "Look at who has clicked."),
        codes=frozenset({"training.message_reported"}),
        severity=Severity.MEDIUM,
        groups=_ORGANIZATION,
        judge=each(severity=lambda event: Severity.HIGH if event.facts.get("urgent") is True else None),
    ),
    Rule(
        code="PRIV-01",
        title="A person's request or a breach is nearly due",
        sentence="A deadline of data protection comes close.",
        why="The law gives one month for a request and 72 hours for a breach.",
        steps=("Open the request or breach and finish it.",),
        codes=frozenset({"privacy_request.due_soon", "breach.due_soon"}),
        severity=Severity.HIGH,
        groups=(Group.SUBJECT,),
        judge=each(severity=_worse({"breach.due_soon"}, Severity.CRITICAL)),
    ),
    Rule(
        code="COMP-01",
        title="A control failed that had passed",
        sentence="A control no longer passes, or was not run in time.",
        why="What was proved yesterday is not true today.",
        steps=("Open the control and read why.",),
        codes=frozenset({"control.regressed", "control.stale"}),
        severity=Severity.MEDIUM,
        groups=(Group.SUBJECT, Group.ORGANIZATION),
        judge=each(),
    ),
    Rule(
        code="META-01",
        title="Several rules, one person",
        sentence="{count} different rules speak of one person within {window}.",
        why="One of them may be chance. All of them are not.",
        steps=(
            "End their sessions.",
            "Ask them by telephone.",
            "Freeze exports and hold payouts until you know.",
        ),
        codes=frozenset({"alert.opened"}),
        severity=Severity.CRITICAL,
        groups=_ORGANIZATION,
        judge=_several,
        window=4 * _HOUR,
        threshold=3,
        unit="rules",
    ),
)
