"""What stands in the way of an electronic invoice, in words, and where it is mended.

The rules speak of elements and paths; whoever sends invoices wants to know what to enter, and on which page.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from billing.documents.einvoice.document import Problem
from core.errors import FieldError, Refusal

CUSTOMER, ISSUER, BANK, INVOICE = "customer", "issuer", "bank", "invoice"
_WHERE: Mapping[str, str] = MappingProxyType(
    {
        CUSTOMER: "Enter it at the customer, then send again.",
        ISSUER: "Enter it under Settings, Organization, then send again.",
        BANK: "Enter it under Settings, Bank account, then send again.",
        INVOICE: "The invoice itself must be corrected: credit it and issue it anew.",
    }
)
_UNTAXED = "Lines without a tax rate stand beside taxed ones; give them a zero rate or an exemption, or bill them apart"
_RULES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "BR-DE-15": ("The customer’s buyer reference (Leitweg-ID) is missing", CUSTOMER),
        "PEPPOL-EN16931-R003": ("The customer’s buyer reference is missing", CUSTOMER),
        "PEPPOL-EN16931-R010": ("The customer’s electronic address is missing", CUSTOMER),
        "PEPPOL-EN16931-R020": ("Your electronic address is missing", ISSUER),
        "BR-DE-1": ("Nothing says how to pay", BANK),
        "BR-DE-2": ("Your contact is missing", ISSUER),
        "BR-DE-3": ("Your address has no city", ISSUER),
        "BR-DE-4": ("Your address has no postal code", ISSUER),
        "BR-DE-5": ("Your contact has no name", ISSUER),
        "BR-DE-6": ("Your contact has no phone number", ISSUER),
        "BR-DE-7": ("Your contact has no e-mail address", ISSUER),
        "BR-DE-8": ("The customer’s address has no city", CUSTOMER),
        "BR-DE-9": ("The customer’s address has no postal code", CUSTOMER),
        "BR-DE-16": ("Your tax id or tax number is missing", ISSUER),
        "BR-DE-19": ("Your IBAN is not a valid one", BANK),
        "BR-DE-27": ("Your contact’s phone number has fewer than three digits", ISSUER),
        "BR-DE-28": ("Your contact’s e-mail address is not one", ISSUER),
        "BR-06": ("Your name is missing", ISSUER),
        "BR-07": ("The customer’s name is missing", CUSTOMER),
        "BR-08": ("Your address is missing", ISSUER),
        "BR-09": ("Your address has no country", ISSUER),
        "BR-10": ("The customer’s address is missing", CUSTOMER),
        "BR-11": ("The customer’s address has no country", CUSTOMER),
        "BR-CO-9": ("A VAT number does not begin with its country", ISSUER),
        "BR-CO-26": ("Your VAT number or register number is missing", ISSUER),
        "BR-S-02": ("Your VAT number or tax number is missing", ISSUER),
        "BR-Z-02": ("Your VAT number or tax number is missing", ISSUER),
        "BR-E-02": ("Your VAT number or tax number is missing", ISSUER),
        "BR-AE-02": ("Reverse charge needs your VAT number and the customer’s", CUSTOMER),
        "BR-IC-02": ("An intra-community supply needs your VAT number and the customer’s", CUSTOMER),
        "BR-G-02": ("An export needs your VAT number", ISSUER),
        "BR-62": ("Your electronic address has no scheme", ISSUER),
        "BR-63": ("The customer’s electronic address has no scheme", CUSTOMER),
        "BR-O-11": (_UNTAXED, INVOICE),
        "BR-O-12": (_UNTAXED, INVOICE),
        "BR-O-13": (_UNTAXED, INVOICE),
        "BR-O-14": (_UNTAXED, INVOICE),
        "BR-CL-23": ("A line has a unit that is not in the list of UN/ECE Recommendation 20", INVOICE),
    }
)


class NotValid(Refusal):
    """This electronic invoice does not keep the rules it must keep."""

    code = "einvoice_not_valid"

    def __init__(self, kind: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problem for problem in problems if problem.is_error)
        first = self.problems[0]
        words, self.where = explained(first)
        more = len(self.problems) - 1
        rest = (
            f" {more} more {'fault is' if more == 1 else 'faults are'} shown with the document."
            if more
            else ""
        )
        super().__init__(
            f"This invoice cannot be sent as {NAMES[kind]}: {words} ({first.rule}). {_WHERE[self.where]}{rest}",
            rule=first.rule,
            where=self.where,
        )

    @property
    def errors(self) -> Sequence[FieldError]:
        """Return every rule that is broken, in words."""
        found = []
        for each in self.problems:
            words, where = explained(each)
            found.append(FieldError("/einvoice", each.rule, f"{words} ({each.rule}). {_WHERE[where]}"))
        return found


NAMES: Mapping[str, str] = MappingProxyType(
    {"pdf": "PDF", "facturx": "Factur-X", "xrechnung": "XRechnung", "ubl": "UBL", "cii": "CII"}
)


def explained(problem: Problem) -> tuple[str, str]:
    """Return a fault in words, and where it is mended; what has no words of ours keeps the rule's own."""
    words, where = _RULES.get(problem.rule, ("", INVOICE))
    return words or problem.text.removeprefix(f"[{problem.rule}]").strip(" -."), where
