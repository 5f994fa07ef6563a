"""Types a marker into what people keep of lists: the names of views, their filters, and why rows were left out."""

from accounts.lists import services as lists
from core import clock, ids
from core.actor import Actor


def over_the_services(marker: str, actor: Actor) -> None:
    """Save a view, change it, choose rows by a filter, and note why one was left out."""
    at = clock.now()
    view = lists.save_view(
        listing="invoices", name=f"{marker} view", query=f"q={marker}", is_shared=True, actor=actor, at=at
    )
    lists.change_view(view_id=view.pk, name=f"{marker} name", actor=actor, at=at)
    chosen = lists.choose(
        listing="customers", action="export", matching={"q": f"{marker} filter"}, count=1, actor=actor, at=at
    )
    left = [(str(ids.uuid7()), "failed", f"{marker} reason")]
    lists.reach(selection_id=chosen.pk, row_id=ids.uuid7(), left_out=left)
