"""The tables of compliance."""

from compliance.auditors.models import AuditorVisit
from compliance.controls.models import ControlException, ControlResult, ControlStatus
from compliance.evidence.models import Evidence
from compliance.packs.models import EvidencePack, PackKey

__all__ = [
    "AuditorVisit",
    "ControlException",
    "ControlResult",
    "ControlStatus",
    "Evidence",
    "EvidencePack",
    "PackKey",
]
