"""Identifiers: UUIDv7 inside (RFC 9562), prefixed opaque text outside (`inv_…`)."""

import os
import time
from uuid import UUID

from core.errors import NotFound

PREFIXES = {
    "access_line": "acl",
    "access_review": "acr",
    "account": "acc",
    "alert": "alr",
    "alert_channel": "ach",
    "alert_delivery": "ald",
    "alert_mute": "mut",
    "allocation": "alc",
    "api_key": "key",
    "approval": "apr",
    "attachment": "atc",
    "attempt": "att",
    "audit_event": "aud",
    "audit_stream": "aus",
    "auditor_visit": "avs",
    "backup": "bkp",
    "bank_account": "bnk",
    "billing_run": "run",
    "breach": "brc",
    "certificate": "crt",
    "charge": "chg",
    "contact": "con",
    "control": "ctl",
    "control_exception": "cex",
    "credit": "crd",
    "credit_note": "cn",
    "credit_note_line": "cnl",
    "customer": "cus",
    "dispute": "dsp",
    "document": "doc",
    "evidence": "evd",
    "evidence_pack": "evp",
    "exchange_rate": "fxr",
    "export": "exp",
    "factor": "fct",
    "file": "fil",
    "finding": "fnd",
    "gateway_account": "gwa",
    "import": "imp",
    "invitation": "ivt",
    "invoice": "inv",
    "invoice_line": "ili",
    "job": "job",
    "ledger_account": "lac",
    "ledger_transaction": "ltx",
    "legal_hold": "hld",
    "member": "mem",
    "message_report": "msr",
    "meter": "mtr",
    "organization": "org",
    "pay_link": "lnk",
    "payment": "pay",
    "payment_method": "pm",
    "period": "per",
    "practice": "pct",
    "practice_result": "pcr",
    "price": "prc",
    "privacy_request": "prq",
    "product": "prd",
    "quote": "quo",
    "quote_line": "qul",
    "refund": "rfn",
    "reminder": "rem",
    "reminder_plan": "rpl",
    "request": "req",
    "restore": "rst",
    "restore_drill": "drl",
    "role": "rol",
    "saved_view": "svw",
    "selection": "sel",
    "series": "ser",
    "session": "ses",
    "statement": "stm",
    "statement_line": "stl",
    "subscription": "sub",
    "subscription_item": "sbi",
    "tax_rate": "txr",
    "training_module": "tmd",
    "training_record": "trn",
    "usage_event": "use",
    "user": "usr",
    "webhook_delivery": "whd",
    "webhook_endpoint": "whe",
    "webhook_event": "evt",
}
_KIND_OF = {prefix: kind for kind, prefix in PREFIXES.items()}
# Crockford's alphabet: no I, L, O, U, so that an identifier read out over the phone stays one.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits at a time: a list writes a hundred of these.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUE_OF = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26


def uuid7() -> UUID:
    """Make a UUIDv7: 48 bits of milliseconds, 12 of the rest of it, then randomness (RFC 9562, 6.2, method 3).

    What one process makes later sorts later: lists by id are lists by time. Python has its own from 3.14.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    noise = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | noise)


def uuid7s(count: int) -> list[UUID]:
    """Make many UUIDv7 that sort in the order of the list (RFC 9562, 6.2, method 1: the time, then a counter)."""
    start = time.time_ns() // 1_000_000
    noise = os.urandom(8 * count)
    return [
        UUID(
            int=(start + (place >> 12)) << 80
            | 0x7 << 76
            | (place & 0xFFF) << 64
            | 0x2 << 62
            | int.from_bytes(noise[8 * place : 8 * place + 8]) >> 2
        )
        for place in range(count)
    ]


def base32(value: UUID) -> str:
    """Write a UUID as 26 letters that sort as the UUID does."""
    number = value.int
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def from_base32(text: str) -> UUID:
    """Read what `base32` wrote.

    Raises:
        NotFound: the text is no identifier.
    """
    if len(text) != _LENGTH:
        raise NotFound
    number = 0
    for letter in text:
        if letter not in _VALUE_OF:
            raise NotFound
        number = number << 5 | _VALUE_OF[letter]
    if number >= 1 << 128:
        raise NotFound
    return UUID(int=number)


def encode(kind: str, value: UUID) -> str:
    """Write the outside name of a record, such as `inv_01j…`."""
    return f"{PREFIXES[kind]}_{base32(value)}"


def decode(kind: str, text: str) -> UUID:
    """Read the outside name of a record of this kind.

    Raises:
        NotFound: malformed, or of another kind. A stranger learns nothing more.
    """
    prefix, _, rest = text.partition("_")
    if prefix != PREFIXES[kind]:
        raise NotFound
    return from_base32(rest)


def kind_of(text: str) -> str | None:
    """Say which kind of record an outside name belongs to, or None."""
    return _KIND_OF.get(text.partition("_")[0])


def is_id(text: str) -> bool:
    """Tell whether a text has the shape of an outside name; anything else in its place is what somebody typed."""
    kind = kind_of(text)
    if kind is None:
        return False
    try:
        decode(kind, text)
    except NotFound:
        return False
    return True
