"""Who acts: carried from the door through every service into the audit trail."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from core import ids


class ActorKind(StrEnum):
    """What sort of someone acts."""

    USER = "user"
    CUSTOMER = "customer"
    API_KEY = "api_key"
    SYSTEM = "system"
    STRANGER = "stranger"


class Via(StrEnum):
    """Through which door they came."""

    WEB = "web"
    API = "api"
    TASK = "task"
    COMMAND = "command"


class SignInMethod(StrEnum):
    """How they proved who they are; decides together with the role what they may do."""

    SESSION = "session"
    SESSION_FRESH = "session_fresh"
    PORTAL = "portal"
    PORTAL_FRESH = "portal_fresh"
    API_KEY = "api_key"
    SYSTEM = "system"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One acting person, key or process, as the audit trail names them.

    `network` is a keyed pseudonym of the network address, never the address. `label` names a process
    (`command:ledger_check`); people are named by id alone.
    """

    kind: ActorKind
    via: Via
    request_id: UUID
    id: UUID | None = None
    on_behalf_of: UUID | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None
    network: str = ""
    label: str = ""
    method: SignInMethod = SignInMethod.NONE

    @classmethod
    def system(cls, label: str, via: Via = Via.COMMAND) -> "Actor":
        """Name a process of our own, such as `sealer`."""
        return cls(
            kind=ActorKind.SYSTEM, via=via, request_id=ids.uuid7(), label=label, method=SignInMethod.SYSTEM
        )

    @classmethod
    def stranger(cls, *, via: Via, request_id: UUID, network: str) -> "Actor":
        """Name somebody who has not proved who they are."""
        return cls(kind=ActorKind.STRANGER, via=via, request_id=request_id, network=network)
