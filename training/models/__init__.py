"""The tables of training."""

from training.models.courses import CourseDuty, Module, ModuleVersion, TrainingPolicy
from training.models.learning import Assignment, Attempt, Record
from training.models.messages import SuspiciousMessage
from training.models.practice import PracticeCampaign, PracticeResult

__all__ = [
    "Assignment",
    "Attempt",
    "CourseDuty",
    "Module",
    "ModuleVersion",
    "PracticeCampaign",
    "PracticeResult",
    "Record",
    "SuspiciousMessage",
    "TrainingPolicy",
]
