"""The tables of training."""

from training.models.courses import CourseDuty, Module, ModuleVersion, TrainingPolicy
from training.models.learning import Assignment, Attempt, Record
from training.models.messages import SuspiciousMessage

__all__ = [
    "Assignment",
    "Attempt",
    "CourseDuty",
    "Module",
    "ModuleVersion",
    "Record",
    "SuspiciousMessage",
    "TrainingPolicy",
]
