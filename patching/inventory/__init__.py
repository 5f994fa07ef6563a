"""Everything that runs here, as it is found on this machine at this moment: never from a list somebody keeps."""

from patching.inventory import debian, engines, python, vendored
from patching.inventory.component import Component, Kind, Scope

__all__ = ["Component", "Kind", "Scope", "collect"]


def collect() -> list[Component]:
    """Look at what is installed and what is vendored, and ask the engines what they are; sorted, each once."""
    found = [*python.distributions(), *vendored.files(), *debian.packages(), *engines.all_of_them()]
    unique = {(component.kind, component.name): component for component in reversed(found)}
    return sorted(unique.values(), key=lambda component: (component.kind, component.name.lower()))
