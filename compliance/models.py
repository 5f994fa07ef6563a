"""The tables of compliance."""

from compliance.auditors.models import AuditorVisit
from compliance.breaches.models import Breach, BreachNote
from compliance.closing.models import Closing
from compliance.controls.models import ControlException, ControlResult, ControlStatus
from compliance.evidence.models import Evidence
from compliance.packs.models import EvidencePack, PackKey
from compliance.personaldata.models import ErasureEntry, WordsFound
from compliance.requests.models import PrivacyRequest
from compliance.retention.models import LegalHold, RetentionRun, Shredding
from compliance.reviews.models import AccessLine, AccessReview

__all__ = [
    "AccessLine",
    "AccessReview",
    "AuditorVisit",
    "Breach",
    "BreachNote",
    "Closing",
    "ControlException",
    "ControlResult",
    "ControlStatus",
    "ErasureEntry",
    "Evidence",
    "EvidencePack",
    "LegalHold",
    "PackKey",
    "PrivacyRequest",
    "RetentionRun",
    "Shredding",
    "WordsFound",
]
