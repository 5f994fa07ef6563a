"""Wiring of training."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """People who know what to look out for."""

    name = "training"

    def ready(self) -> None:
        """Register the event types of training, and the acts that wait for a second person."""
        from training import events  # noqa: F401  registering is the import's effect
        from training.practice import planning
        from training.services import excuses

        excuses.register()
        planning.register()
