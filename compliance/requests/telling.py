"""Telling whoever asked what became of it, by mail: answered, refused, or that it takes longer (Article 12(3), (4)).

Promise kept: where an address of the person is on file it goes there and nowhere else: a stranger who had another one
noted with the request learns nothing.
"""

from billing.contacts.models import Contact
from billing.customers.models import Customer
from billing.documents import papers
from billing.issuer import queries as issuer
from compliance.requests.models import PrivacyRequest
from outbound import mail


def address_of(row: PrivacyRequest) -> str:
    """Return where the person can be told; empty where nobody knows. Ask before they are erased."""
    if row.contact_id is not None:
        known = Contact.objects.filter(pk=row.contact_id).first()
        if known is not None and known.subject_key is not None and known.email:
            return str(known.email)
    if row.customer_id is not None:
        customer = Customer.objects.filter(pk=row.customer_id).first()
        if customer is not None and customer.subject_key is not None and customer.email:
            return str(customer.email)
    return str(row.email or "")


def tell(row: PrivacyRequest, *, to: str, what: str, text: str) -> bool:
    """Write the mail; `what` is answered, refused or extended. Returns whether there was an address."""
    if not to:
        return False
    language = papers.language_of(row.customer_id) if row.customer_id is not None else "en"
    house = issuer.get()
    mail.send(
        template="privacy_request",
        to=to,
        context={
            "issuer": house.name if house else "",
            "what": what,
            "kind": row.kind,
            "received_on": row.received_on,
            "due_on": row.due_on,
            "text": text,
        },
        language=language,
        dedupe_key=f"privacy:{row.pk}:{what}",
    )
    return True
