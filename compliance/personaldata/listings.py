"""What members typed about a person to find them in a list: in a view that was saved, or in what was chosen.

Such words stand under the organization's key and would outlive the person's own.
"""

from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl

from accounts.models import SavedView, Selection
from compliance.personaldata import collecting
from compliance.personaldata.parts import Traces

# What is shorter is found in too many names to be anybody's.
_LEAST_LETTERS = 4


def forget_person(traces: Traces) -> int:
    """Delete the views and the selections that name somebody who is erased, and return how many those were."""
    names = collecting.names(traces.person)
    told = [*(name for name in names if len(name) >= _LEAST_LETTERS), *traces.addresses, *traces.outside]
    views = [
        row.pk
        for row in SavedView.objects.all()
        if _tells(told, names, [row.name, *(text for _, text in parse_qsl(row.query))])
    ]
    chosen = [
        row.pk
        for row in Selection.objects.all()
        if _tells(told, names, (row.chosen.get("filter") or {}).values())
    ]
    SavedView.objects.filter(pk__in=views).delete()
    Selection.objects.filter(pk__in=chosen).delete()
    return len(views) + len(chosen)


def _tells(told: Collection[str], names: Collection[str], texts: Iterable[str]) -> bool:
    """Tell whether a text holds what names the person, or is itself a part of their name."""
    for text in texts:
        said = text.strip().casefold()
        if said in names or any(word in said for word in told):
            return True
        if len(said) >= _LEAST_LETTERS and any(said in name for name in names):
            return True
    return False
