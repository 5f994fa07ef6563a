"""The frameworks that controls map to."""

from compliance.frameworks import asvs, gdpr, hipaa, pci_dss
from compliance.frameworks.rules import Framework

ALL: tuple[Framework, ...] = (pci_dss.FRAMEWORK, gdpr.FRAMEWORK, hipaa.FRAMEWORK, asvs.FRAMEWORK)


def of(code: str) -> Framework | None:
    """Return a framework by its code."""
    return next((each for each in ALL if each.code == code), None)
