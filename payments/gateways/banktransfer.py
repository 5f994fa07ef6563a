"""Bank transfer: no provider stands behind it, so it says what to do and answers nothing that only a bank knows.

Promise kept: it never claims to know. A payment arrives when a person or a statement records it, and money goes back
when a person pays it out; asked for anything else, it refuses, and nothing has happened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NoReturn

from billing.documents import epc
from payments.gateways.base import (
    Can,
    CannotDo,
    ChargeAsk,
    Checkout,
    CheckoutAsk,
    DisputeFacts,
    Evidence,
    GatewayRefused,
    HookEvent,
    HookRegistration,
    Instructions,
    Outcome,
    RefundAsk,
    RefundOutcome,
    RefundState,
    SavedMethod,
    SetupAsk,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTransferGateway:
    """The organization's own bank account."""

    holder: str
    iban: str
    bic: str = ""

    provider: ClassVar[str] = "bank_transfer"
    can: ClassVar[frozenset[Can]] = frozenset()

    def open_checkout(self, ask: CheckoutAsk) -> Checkout:
        """Say to which account the money goes, with which reference, and as a code to scan where there can be one."""
        if ask.amount.amount_minor <= 0:
            raise GatewayRefused("amount_not_positive")
        if not ask.creditor_reference:
            raise GatewayRefused(
                "reference_missing", "Without a reference a transfer cannot be told from others."
            )
        try:
            code = epc.payload(
                holder=self.holder,
                iban=self.iban,
                bic=self.bic,
                amount_minor=ask.amount.amount_minor,
                currency=ask.amount.currency,
                reference=ask.creditor_reference,
            )
        except epc.NoCode:
            code = ""
        told = Instructions(
            name=self.holder, iban=self.iban, bic=self.bic, reference=ask.creditor_reference, epc=code
        )
        return Checkout(reference=ask.creditor_reference, url="", expires_at=None, instructions=told)

    def close_checkout(self, reference: str) -> None:
        """Instructions cannot be taken back: what still comes is recorded as what it is."""

    def refund(self, ask: RefundAsk) -> RefundOutcome:
        """Take note: the money goes back when a person pays it out, and the refund waits until then."""
        return RefundOutcome(
            state=RefundState.PENDING,
            reference="",
            payment=ask.payment,
            amount=ask.amount,
            refund=ask.refund,
        )

    def open_setup(self, ask: SetupAsk) -> Checkout:
        """Refuse: a transfer saves nothing."""
        _cannot(Can.SAVE_METHODS)

    def setup_result(self, reference: str) -> SavedMethod | None:
        """Refuse: a transfer saves nothing."""
        _cannot(Can.SAVE_METHODS)

    def charge(self, ask: ChargeAsk) -> Outcome:
        """Refuse: nobody but the payer sends a transfer."""
        _cannot(Can.CHARGE_SAVED)

    def look_up(self, reference: str) -> Outcome:
        """Refuse: only the account's statement knows."""
        _cannot(Can.LOOK_UP)

    def look_up_refund(self, reference: str) -> RefundOutcome:
        """Refuse: only the person who pays it out knows."""
        _cannot(Can.SEND_REFUNDS)

    def find_refund(self, *, payment: str, refund: str) -> RefundOutcome | None:
        """Refuse: only the person who pays it out knows."""
        _cannot(Can.SEND_REFUNDS)

    def create_customer(self, *, key: str, customer: str) -> str:
        """Refuse: there is nobody to know them."""
        _cannot(Can.SAVE_METHODS)

    def detach(self, method: str) -> None:
        """Refuse: nothing is saved."""
        _cannot(Can.SAVE_METHODS)

    def look_up_dispute(self, reference: str) -> DisputeFacts:
        """Refuse: a transfer is not disputed through anybody."""
        _cannot(Can.DISPUTES)

    def answer_dispute(self, *, key: str, reference: str, evidence: Mapping[Evidence, str]) -> DisputeFacts:
        """Refuse: a transfer is not disputed through anybody."""
        _cannot(Can.DISPUTES)

    def accept_dispute(self, *, key: str, reference: str) -> DisputeFacts:
        """Refuse: a transfer is not disputed through anybody."""
        _cannot(Can.DISPUTES)

    def read_hook(self, *, body: bytes, signature: str, secrets: Sequence[str], at: datetime) -> HookEvent:
        """Refuse: nobody sends messages."""
        _cannot(Can.HOOKS)

    def is_live(self) -> bool:
        """A bank account moves real money."""
        return True

    def register_hook(self, *, key: str, url: str) -> HookRegistration:
        """Refuse: nobody sends messages."""
        _cannot(Can.HOOKS)

    def hook_url(self, reference: str) -> str:
        """Refuse: nobody sends messages."""
        _cannot(Can.HOOKS)

    def remove_hook(self, reference: str) -> None:
        """Refuse: nobody sends messages."""
        _cannot(Can.HOOKS)


def _cannot(can: Can) -> NoReturn:
    raise CannotDo(can)
