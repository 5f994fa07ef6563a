"""What a payment gateway can be asked, and what it answers: plain values, never a row and never a request.

Promise kept: whoever calls a gateway learns one of three things and nothing in between: what happened, that surely
nothing happened (`GatewayRefused`, `GatewayAway`), or that we do not know (`GatewayUnsure`) and must ask later. No text
in here carries a key, a card number or what a payer typed.

An adapter is a class with these methods and a line in `payments.services.accounts`; `tests/gateways` is the suite that
it has to pass. What its gateway cannot do stands in `can`, and asking for it is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from core.errors import Refusal
from core.money import Money


class _Answered(Refusal):
    """What the provider's answer, or its silence, means. `reason` is a code, never a text of the provider."""

    def __init__(self, reason: str = "", message: str = "") -> None:
        self.reason = reason or self.code
        super().__init__(message, reason=self.reason)


class GatewayRefused(_Answered):
    """The payment provider refused. Nothing happened there."""

    code = "gateway_refused"


class GatewayUnsure(_Answered):
    """The payment provider gave no clear answer. We will ask again what happened."""

    code = "gateway_unsure"
    status = 502


class GatewayAway(_Answered):
    """The payment provider cannot be reached. Nothing was sent; try again in a moment."""

    code = "gateway_away"
    status = 503


class HookRefused(_Answered):
    """This message is not one that the payment provider sent to us just now."""

    code = "hook_refused"
    status = 400


class CannotDo(GatewayRefused):
    """This way of paying cannot do that."""

    def __init__(self, can: "Can") -> None:
        super().__init__(f"cannot_{can.value}")


class Can(StrEnum):
    """What a gateway may be able to do."""

    HOSTED_PAGE = "hosted_page"  # the payer is sent to a page of the provider
    SAVE_METHODS = "save_methods"
    CHARGE_SAVED = "charge_saved"
    LOOK_UP = "look_up"  # it can be asked what happened
    SEND_REFUNDS = "send_refunds"  # asking for a refund moves the money; otherwise a person pays it out
    DISPUTES = "disputes"
    HOOKS = "hooks"


class OutcomeState(StrEnum):
    """How an attempt stands; the words of `Attempt.State`."""

    OPEN = "open"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class RefundState(StrEnum):
    """How a refund stands at the provider. Pending: taken on, not at its end."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeState(StrEnum):
    """How a dispute stands; the words of `Dispute.State`."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class Evidence(StrEnum):
    """What an answer to a dispute may say."""

    TEXT = "text"
    CUSTOMER_NAME = "customer_name"
    PRODUCT_DESCRIPTION = "product_description"
    SERVICE_DATE = "service_date"
    REFUND_POLICY = "refund_policy"
    REFUND_REFUSAL = "refund_refusal"
    CANCELLATION_POLICY = "cancellation_policy"


class HookObject(StrEnum):
    """What an event is about."""

    CHECKOUT = "checkout"
    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    METHOD = "method"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutAsk:
    """Asks for a page on which one attempt is paid. `attempt` is our outside id, `key` makes asking twice harmless."""

    key: str
    amount: Money
    attempt: str
    description: str
    return_url: str
    cancel_url: str
    expires_at: datetime
    customer: str | None = None
    save_method: bool = False
    # One of PaymentMethod.Kind; empty: whatever the organization's account at the provider offers.
    method: str = ""
    locale: str = "en"
    # What a transfer carries so that it is told from others (ISO 11649); a page needs none.
    creditor_reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupAsk:
    """Asks for a page on which a method is saved without paying. `setup` is our outside id of what it is for."""

    key: str
    setup: str
    customer: str
    return_url: str
    cancel_url: str
    currency: str
    method: str = ""
    locale: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """How money is sent that no page takes: to which account, with which reference, and as a code to scan."""

    name: str
    iban: str
    bic: str
    reference: str
    epc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where the payer goes (`url`), or what they are told to do (`instructions`)."""

    reference: str
    url: str = field(repr=False)
    expires_at: datetime | None
    instructions: Instructions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeAsk:
    """Asks to charge a saved method while nobody is there to answer a challenge."""

    key: str
    amount: Money
    attempt: str
    customer: str
    method: str
    description: str
    # One of PaymentMethod.Kind.
    kind: str = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMethod:
    """What may be known of a card or bank account: its token, brand, last four digits and expiry."""

    reference: str
    kind: str
    brand: str
    last4: str
    expires_month: int | None = None
    expires_year: int | None = None
    customer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt stands at the provider. `amount` is what came, or else what is asked for there; `attempt` is our
    id as the provider knows it; `code` says why it failed."""

    state: OutcomeState
    reference: str
    amount: Money
    attempt: str
    code: str = ""
    method: SavedMethod | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsk:
    """Asks to give back part of a payment. `refund` is our outside id."""

    key: str
    payment: str
    amount: Money
    refund: str
    reason: str = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOutcome:
    """How a refund stands at the provider; `refund` is our id as the provider knows it."""

    state: RefundState
    reference: str
    payment: str
    amount: Money
    refund: str
    code: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeFacts:
    """How a dispute stands at the provider."""

    reference: str
    payment: str
    state: DisputeState
    amount: Money
    reason: str
    answer_by: datetime | None
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEvent:
    """What a verified message says happened: enough to ask about the object, and nothing that is believed."""

    id: str
    type: str
    created_at: datetime
    livemode: bool
    object_kind: HookObject
    object_reference: str
    attempt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRegistration:
    """Where the provider now sends its events, and the secret it signs them with."""

    reference: str
    secret: str = field(repr=False)


class Gateway(Protocol):
    """One provider, with one organization's key. Every method that asks the provider may raise the three errors of
    this module; what is not in `can` raises `CannotDo`."""

    provider: ClassVar[str]
    can: ClassVar[frozenset[Can]]

    def open_checkout(self, ask: CheckoutAsk) -> Checkout:
        """Prepare a page (or instructions) for one attempt."""

    def open_setup(self, ask: SetupAsk) -> Checkout:
        """Prepare a page on which a method is saved."""

    def setup_result(self, reference: str) -> SavedMethod | None:
        """Return what was saved on such a page; None while nothing is."""

    def close_checkout(self, reference: str) -> None:
        """Let a page take no more payment; harmless when it is done or gone."""

    def charge(self, ask: ChargeAsk) -> Outcome:
        """Charge a saved method. A decline is an outcome, not an error."""

    def look_up(self, reference: str) -> Outcome:
        """Return how an attempt stands, by its page or its money."""

    def refund(self, ask: RefundAsk) -> RefundOutcome:
        """Give money back."""

    def look_up_refund(self, reference: str) -> RefundOutcome:
        """Return how a refund stands."""

    def find_refund(self, *, payment: str, refund: str) -> RefundOutcome | None:
        """Find a refund by our id; None when the provider surely has none."""

    def create_customer(self, *, key: str, customer: str) -> str:
        """Make one of our customers known by our id alone and return the provider's."""

    def detach(self, method: str) -> None:
        """Forget a saved method; harmless when it is forgotten."""

    def look_up_dispute(self, reference: str) -> DisputeFacts:
        """Return how a dispute stands."""

    def answer_dispute(self, *, key: str, reference: str, evidence: Mapping[Evidence, str]) -> DisputeFacts:
        """Hand in evidence, once and for all."""

    def accept_dispute(self, *, key: str, reference: str) -> DisputeFacts:
        """Give a dispute up."""

    def read_hook(self, *, body: bytes, signature: str, secrets: Sequence[str], at: datetime) -> HookEvent:
        """Verify a message over its raw bytes and return what it is about. Asks nobody.

        Raises:
            HookRefused: no secret made this signature, or it is not of this time, or it says nothing we can read.
        """

    def is_live(self) -> bool:
        """Tell whether the key moves real money; asks, so that a key that does not work is known."""

    def register_hook(self, *, key: str, url: str) -> HookRegistration:
        """Have events sent to an address from now on."""

    def hook_url(self, reference: str) -> str:
        """Return the address that a registration of ours names; empty when this account does not know it."""

    def remove_hook(self, reference: str) -> None:
        """Have no more events sent; harmless when they are not."""
