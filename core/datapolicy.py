"""What each table holds, why, for how long and how it goes: declared once beside the model, used everywhere.

From these declarations come the row-level security check, the encryption scan, subject export, erasure, retention
and the record of processing (GDPR Article 30). A system check stops the start when a model has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Owner(StrEnum):
    """Whose rows they are."""

    TENANT = "tenant"
    CUSTOMER = "customer"
    GLOBAL = "global"


class FieldClass(StrEnum):
    """What a column holds. PERSONAL, CONTENT and SECRET columns must be encrypted fields."""

    IDENTIFIER = "identifier"
    STATE = "state"
    MONEY = "money"
    TIME = "time"
    TECHNICAL = "technical"
    PERSONAL = "personal"
    CONTENT = "content"
    SECRET = "secret"  # noqa: S105  a class of columns
    BLIND_INDEX = "blind_index"
    HASH = "hash"
    WRAPPED_KEY = "wrapped_key"


ENCRYPTED_CLASSES = frozenset({FieldClass.PERSONAL, FieldClass.CONTENT, FieldClass.SECRET})


class Erasure(StrEnum):
    """What happens to the rows when their subject is erased (GDPR Article 17)."""

    NONE = "none"
    SUBJECT_KEY = "subject_key"
    DELETE = "delete"
    KEPT_BY_LAW = "kept_by_law"
    WITH_ORGANIZATION = "with_organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPolicy:
    """The decision about one table.

    `why` is required for global tables; `retention` and `legal_basis` are words for people
    ("10 years after the fiscal year, tax law").
    """

    owner: Owner
    purpose: str
    retention: str
    erasure: Erasure
    fields: Mapping[str, FieldClass] = field(default_factory=dict)
    legal_basis: str = "contract"
    why: str = ""
