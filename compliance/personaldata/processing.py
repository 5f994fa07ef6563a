"""The record of processing activities (GDPR Article 30), made from the data policies of the running system."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.datapolicy import Erasure, FieldClass, Owner
from crypto.fields import EncryptedField
from tenancy.checks import managed_models, policy_of

_PEOPLE = frozenset({FieldClass.PERSONAL, FieldClass.CONTENT, FieldClass.SECRET})
ERASURES: Mapping[Erasure, str] = {
    Erasure.NONE: "Names nobody",
    Erasure.SUBJECT_KEY: "Their key is destroyed",
    Erasure.DELETE: "Deleted",
    Erasure.KEPT_BY_LAW: "Kept by law until its time is over",
    Erasure.WITH_ORGANIZATION: "With the organization",
}
OWNERS: Mapping[Owner, str] = {
    Owner.CUSTOMER: "Customers and their people",
    Owner.TENANT: "Members, and the organization itself",
    Owner.GLOBAL: "Everybody with an account",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One table of an activity."""

    label: str
    data: tuple[str, ...]
    encrypted: bool
    erasure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One purpose for which data is processed."""

    purpose: str
    people: tuple[str, ...]
    legal_basis: tuple[str, ...]
    kept: tuple[str, ...]
    tables: tuple[Held, ...]


def record() -> list[Activity]:
    """Return every activity that touches people's data, by purpose."""
    found: dict[str, list[tuple[str, str, str, Held]]] = {}
    for model in managed_models():
        policy = policy_of(model)
        if policy is None or policy.purpose == "none":
            continue
        data = tuple(name for name, kind in policy.fields.items() if kind in _PEOPLE)
        if not data:
            continue
        held = Held(
            label=model._meta.label,
            data=data,
            encrypted=all(isinstance(model._meta.get_field(name), EncryptedField) for name in data),
            erasure=ERASURES[policy.erasure],
        )
        found.setdefault(policy.purpose, []).append(
            (OWNERS[policy.owner], policy.legal_basis, policy.retention, held)
        )
    return [
        Activity(
            purpose=purpose,
            people=tuple(dict.fromkeys(each[0] for each in rows)),
            legal_basis=tuple(dict.fromkeys(each[1] for each in rows)),
            kept=tuple(dict.fromkeys(each[2] for each in rows)),
            tables=tuple(each[3] for each in rows),
        )
        for purpose, rows in sorted(found.items())
    ]
