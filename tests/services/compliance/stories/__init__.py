"""A story for each control: the thing in order, and the thing broken. Importing them tells them."""

from tests.services.compliance.stories import (
    access,
    assurance,
    cards,
    configuration,
    encryption,
    faces,
    isolation,
    money,
    operation,
    people,
    privacy,
    trail,
)
from tests.services.compliance.stories.told import SKEWED, STORIES, World

__all__ = [
    "SKEWED",
    "STORIES",
    "World",
    "access",
    "assurance",
    "cards",
    "configuration",
    "encryption",
    "faces",
    "isolation",
    "money",
    "operation",
    "people",
    "privacy",
    "trail",
]
