"""Whether card numbers stay out."""

from datetime import datetime, timedelta

from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from core import cardnumbers
from payments.cards import scan
from payments.models import GatewayAccount

SCANNED_WITHIN = timedelta(days=2)
# Numbers that card schemes publish for tests: no one's.
_TRIALS = ("4242424242424242", "5555 5555 5555 4444", "3782-822463-10005", "order 6011.1111.1111.1117 today")


def none_stored(at: datetime) -> Outcome:
    """Look at the last search of everything that is stored."""
    last = scan.last()
    if last is None:
        return rules.unknown("Nobody has looked yet.")
    found, values = int(last.facts.get("found", 0)), int(last.facts.get("values", 0))
    facts: dict[str, str | int | bool] = {
        "found": found,
        "values": values,
        "files": int(last.facts.get("files", 0)),
        "unread_files": int(last.facts.get("unread", 0)),
    }
    if found:
        return rules.failed(f"In {found} places something stands that looks like a card number.", **facts)
    if at - last.at > SCANNED_WITHIN:
        return rules.unknown(f"The last search was {rules.days(at - last.at)} days ago.", **facts)
    return rules.passed(f"{values:,} stored texts were searched and no card number was found.", **facts)


def refused(at: datetime) -> Outcome:
    """Offer the filter of every text field numbers that it must refuse."""
    taken = [
        f"trial {place + 1}"
        for place, text in enumerate(_TRIALS)
        if not cardnumbers.contains_card_number(text)
    ]
    return rules.judged(
        taken,
        good=f"All {len(_TRIALS)} trial numbers are refused, however they are grouped.",
        wrong="Trial numbers that would have been stored: {n}.",
    )


def live_gateway(at: datetime) -> Outcome:
    """Look whether the provider's account is of the same mode as the organization."""
    from accounts import queries as people  # noqa: PLC0415
    from tenancy.models import Tenant  # noqa: PLC0415

    account = GatewayAccount.objects.filter(state=GatewayAccount.State.CONNECTED).first()
    if account is None:
        return rules.not_applicable("No payment provider is connected.")
    live = people.current_organization().mode == Tenant.Mode.LIVE
    if live != account.livemode:
        return rules.failed("Real money would move in a sandbox, or none in a live organization.")
    return rules.passed(
        "The provider's account and the organization are both " + ("live." if live else "for tests.")
    )


CONTROLS = (
    Control(
        code="cards.none_stored",
        title="No card number is stored anywhere",
        family="cards",
        checks="The last search of rows, files, cache and queue for anything that is a card's number.",
        passes="It is younger than two days and found nothing.",
        fails="Something was found; the place is named in the audit trail, the number never is.",
        matters="Without card numbers there is nothing to steal, and most of PCI DSS does not apply.",
        remedy="Remove what was found at its place and ask who brought it.",
        maps=(("pci-dss", "3.2.1"), ("pci-dss", "3.5.1"), ("pci-dss", "12.10.7"), ("asvs", "14.2.4")),
        check=none_stored,
    ),
    Control(
        code="cards.refused",
        title="Card numbers are refused wherever text is typed",
        family="cards",
        checks="The filter that every free text passes is offered four published test numbers.",
        passes="All are refused.",
        fails="One would have been stored.",
        matters="People paste card numbers into notes; what is refused need not be searched for.",
        remedy="Put the filter's ranges back; see core/cardnumbers.",
        maps=(("pci-dss", "3.3.1"), ("pci-dss", "3.4.1"), ("pci-dss", "4.2.1")),
        check=refused,
        of_host=True,
    ),
    Control(
        code="cards.provider_mode",
        title="Real money moves only where it should",
        family="cards",
        checks="The mode of the payment provider's account against the organization's.",
        passes="Both are live, or both are for tests.",
        fails="They differ.",
        matters="A sandbox must not charge people, and no test data belongs among real payments.",
        remedy="Connect the account of the right mode on the payment provider's page.",
        maps=(("pci-dss", "6.5.1-6.5.6"),),
        check=live_gateway,
    ),
)
