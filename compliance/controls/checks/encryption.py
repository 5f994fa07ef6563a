"""Whether stored bytes are encrypted, and whether the keys are young, unworn and in order."""

from datetime import datetime, timedelta
from uuid import UUID

from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from crypto import inspection, keyring
from crypto.envelope import Purpose
from crypto.models import DataKey, KeyState, TenantKey

OLDEST_KEY = timedelta(days=365)
LONGEST_ROTATION = timedelta(days=1)
# A tenth of what the keyring itself stops at: long before NIST SP 800-38D's bound.
WORN_SHARE = 10


def stored_values(tenant_id: UUID, at: datetime) -> Outcome:
    """Look at the stored bytes of every encrypted column, page by page."""
    seen = inspection.scan_in_steps(tenant_id)
    places = sorted({f"{each.table}.{each.column}: {each.kind}" for each in seen.findings})
    return rules.judged(
        places,
        good=f"{seen.rows:,} stored values of {seen.columns} columns are envelopes under known keys.",
        wrong="Columns with values that are not as they should be: {n}.",
        columns=seen.columns,
        values=seen.rows,
        plaintext=seen.plaintext,
        wrong_values=len(seen.findings),
        opened=seen.decrypted,
    )


def key_age(at: datetime) -> Outcome:
    """Look at the age of each key that encrypts. A blind index's key names no version and is not rotated."""
    rows = DataKey.objects.filter(state=KeyState.PRIMARY).exclude(purpose=Purpose.BLIND_INDEX.value)
    ages = {row.purpose: at - row.created_at for row in rows}
    if not ages:
        return rules.failed("There is no key in use.")
    old = [f"{purpose}: {rules.days(age)} days" for purpose, age in sorted(ages.items()) if age > OLDEST_KEY]
    return rules.judged(
        old,
        good=f"The oldest of {len(ages)} keys is {rules.days(max(ages.values()))} days old.",
        wrong="Keys older than a year: {n}.",
        keys=len(ages),
        oldest_days=rules.days(max(ages.values())),
    )


def key_wear(at: datetime) -> Outcome:
    """Look at how much each key has encrypted."""
    rows = list(DataKey.objects.filter(state=KeyState.PRIMARY))
    worn = [
        f"{row.purpose}: {row.encryptions:,} encryptions"
        for row in rows
        if row.encryptions * WORN_SHARE > keyring.ENCRYPTION_LIMIT
    ]
    most = max((row.encryptions for row in rows), default=0)
    return rules.judged(
        worn,
        good=f"The busiest key has encrypted {most:,} values of {keyring.ENCRYPTION_LIMIT:,} it may.",
        wrong="Keys that have used more than a tenth of what they may encrypt: {n}.",
        keys=len(rows),
        most=most,
    )


def rotation_finished(at: datetime) -> Outcome:
    """Look for rotations that were begun and never finished."""
    moving = DataKey.objects.filter(state=KeyState.ACTIVE)
    begun = {
        row.purpose: row.created_at
        for row in DataKey.objects.filter(
            state=KeyState.PRIMARY, purpose__in=moving.values_list("purpose", flat=True)
        )
    }
    late = [purpose for purpose, since in sorted(begun.items()) if at - since > LONGEST_ROTATION]
    return rules.judged(
        late,
        good="No rotation is left unfinished.",
        wrong="Rotations begun more than a day ago and not finished: {n}.",
        moving=len(begun),
    )


def hierarchy(at: datetime) -> Outcome:
    """Look whether every key in use is wrapped by the tenant key in use, which the root key opens."""
    above = TenantKey.objects.filter(state=KeyState.PRIMARY).first()
    if above is None:
        return rules.failed("There is no tenant key in use.")
    in_use = DataKey.objects.filter(state__in=[KeyState.PRIMARY, KeyState.ACTIVE])
    astray = [row.purpose for row in in_use.exclude(tenant_key_id=above.pk)]
    missing = sorted({purpose.value for purpose in Purpose} - {row.purpose for row in in_use})
    for purpose in Purpose:
        if purpose.value not in missing:
            # Opens the chain from the root key down; what does not open raises.
            keyring.primary(above.tenant_id, purpose.value)
    return rules.judged(
        [*astray, *(f"{purpose}: no key" for purpose in missing)],
        good=f"{len(in_use)} keys open through one tenant key, kept by the provider {above.provider}.",
        wrong="Keys that are missing or under another tenant key: {n}.",
        keys=len(in_use),
        provider=above.provider,
    )


CONTROLS = (
    Control(
        code="encryption.stored_values",
        title="Protected columns hold nothing but encrypted values",
        family="encryption",
        checks="The bytes that PostgreSQL holds in every encrypted column, value by value; a sample is opened.",
        passes="Every value is an envelope under a key of this organization, and the sample opens in its place.",
        fails="A value is plain, names a foreign key, or does not open where it stands: it was touched or moved.",
        matters="Whoever gets hold of the database or a copy of it must read nothing of people and sales.",
        remedy="Run encryption_scan for the places, restore the row from a backup, and find out who wrote it.",
        maps=(
            ("pci-dss", "3.5.1"),
            ("gdpr", "32(1)(a)"),
            ("hipaa", "312(a)(2)(iv)"),
            ("asvs", "14.2.4"),
            ("asvs", "11.3.3"),
        ),
        long_check=stored_values,
    ),
    Control(
        code="keys.age",
        title="Encryption keys are younger than a year",
        family="encryption",
        checks="The age of each key that encrypts fields, documents, files and webhook secrets.",
        passes="None is older than 365 days.",
        fails="One is older: its rotation is overdue.",
        matters="What a stolen key opens is bounded by the time it was in use.",
        remedy="Rotate it on the page of encryption keys; work goes on meanwhile.",
        maps=(("pci-dss", "3.6/3.7"), ("asvs", "11.2.2"), ("asvs", "13.3.4"), ("hipaa", "312(a)(2)(iv)")),
        check=key_age,
    ),
    Control(
        code="keys.wear",
        title="No key has encrypted more than a tenth of its bound",
        family="encryption",
        checks="How many values each key in use has encrypted.",
        passes="Each is below a tenth of 2^31.",
        fails="One is above: random nonces could begin to repeat long after, so it is replaced early.",
        matters="AES-GCM loses its promise when a nonce repeats under one key.",
        remedy="Rotate it on the page of encryption keys.",
        maps=(("asvs", "11.3.4"), ("pci-dss", "3.6/3.7")),
        check=key_wear,
    ),
    Control(
        code="keys.rotations",
        title="No key rotation is left unfinished",
        family="encryption",
        checks="Keys that still decrypt beside a newer one.",
        passes="None has done so for more than a day.",
        fails="A rotation stopped halfway: the old key cannot be retired.",
        matters="A key that was replaced because it may be known still opens what was not moved.",
        remedy="Ask for the rotation again: it goes on where it stopped.",
        maps=(("pci-dss", "3.6/3.7"), ("asvs", "11.2.2")),
        check=rotation_finished,
    ),
    Control(
        code="keys.hierarchy",
        title="Every key opens through the root key, and through nothing else",
        family="encryption",
        checks="The chain from the root key over the tenant key to each data key, opened link by link.",
        passes="Each purpose has a key in use and all are wrapped by the one tenant key in use.",
        fails="A key is missing, or wrapped by another key than the one in use.",
        matters="The database alone must open nothing; a stray key is one nobody rotates.",
        remedy="Compare with keys_status and restore the row of the key from a backup.",
        maps=(("pci-dss", "3.6/3.7"), ("asvs", "11.1.2"), ("asvs", "13.3.3")),
        check=hierarchy,
    ),
)
