"""The use cases of subscriptions."""

from billing.subscriptions.services.changes import ItemChange, ItemNotOpen, NothingLeft, change, edited
from billing.subscriptions.services.charges import (
    ChargeBilled,
    ChargeWithdrawn,
    add_charge,
    withdraw_charge,
)
from billing.subscriptions.services.ends import (
    NotCanceled,
    NotPaused,
    SubscriptionNotRunning,
    cancel,
    keep,
    pass_day,
    pause,
    resume,
)
from billing.subscriptions.services.prepaid import (
    NothingUnused,
    Unused,
    UnusedDiffers,
    give_back,
    unused,
    waits,
)
from billing.subscriptions.services.rows import DayNotPossible, SubscriptionEnded
from billing.subscriptions.services.starts import ItemInput, start

__all__ = [
    "ChargeBilled",
    "ChargeWithdrawn",
    "DayNotPossible",
    "ItemChange",
    "ItemInput",
    "ItemNotOpen",
    "NotCanceled",
    "NotPaused",
    "NothingLeft",
    "NothingUnused",
    "SubscriptionEnded",
    "SubscriptionNotRunning",
    "Unused",
    "UnusedDiffers",
    "add_charge",
    "cancel",
    "change",
    "edited",
    "give_back",
    "keep",
    "pass_day",
    "pause",
    "resume",
    "start",
    "unused",
    "waits",
    "withdraw_charge",
]
