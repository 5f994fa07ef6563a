"""Certificates: what a record says to whoever has to be shown it, on a page, on paper, or by its code.

Promise kept: a code names its organization in clear and is proved under its row-level security; nobody can guess one
or make one from the table. Whoever types a code that is on no certificate learns nothing but that.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.conf import settings

from accounts import queries as people
from accounts import tokens
from accounts.models import Membership
from accounts.refusals import Recorded
from billing.documents import look as looks
from billing.documents.pdf import Look, compiler, values, words
from billing.issuer import queries as issuers
from core.errors import NotFound
from tenancy import context
from training import catalog, events
from training.models import Record
from training.services.learning import code_of


class CodeUnknown(Recorded):
    """This code is on no certificate, or only a part of it was copied."""

    code = "certificate_unknown"
    status = 404
    event = events.CERTIFICATE_REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says."""

    id: UUID
    member_id: UUID
    user_id: UUID
    person: str
    organization: str
    course: str
    title: str
    version: int
    fingerprint: str
    role: str
    right: int
    asked: int
    pass_percent: int
    minutes: int
    finished_at: datetime
    valid_until: date
    code: str
    url: str
    look: Look = field(default_factory=Look)


def get(record_id: UUID) -> Certificate:
    """Return a certificate by its record.

    Raises:
        NotFound
    """
    row = Record.objects.select_related("member__user").filter(pk=record_id).first()
    if row is None:
        raise NotFound
    return _of(row)


def tenant_of(code: str) -> UUID:
    """Return the organization a code names, so that its scope can be entered.

    Raises:
        CodeUnknown: it is no code of ours.
    """
    try:
        return tokens.tenant_of_link(plain(code))
    except NotFound as refusal:
        raise CodeUnknown from refusal


def verify(code: str) -> Certificate:
    """Return the certificate a code stands on, in the scope of the organization it names.

    Raises:
        CodeUnknown
    """
    digest = tokens.digest("training_certificate", plain(code))
    row = Record.objects.select_related("member__user").filter(code_hash=digest).first()
    if row is None:
        raise CodeUnknown(tenant_id=context.current_tenant())
    return _of(row)


def plain(code: str) -> str:
    """Return a typed code without the blanks and dashes people add."""
    return "".join(letter for letter in code.casefold() if letter.isalnum())


def printed(code: str) -> str:
    """Return a code in groups that can be read out."""
    return " ".join(code[start : start + 6] for start in range(0, len(code), 6))


def _of(row: Record) -> Certificate:
    member: Membership = row.member
    issuer = issuers.get()
    code = code_of(row.pk)
    return Certificate(
        id=row.pk,
        member_id=member.pk,
        user_id=member.user_id,
        person=people.name_of(member.user),
        organization=issuer.name if issuer is not None else people.current_organization().slug,
        course=row.course,
        title=catalog.titles([row.course])[row.course],
        version=row.version,
        fingerprint=bytes(row.digest).hex()[:16],
        role=row.role,
        right=row.right,
        asked=row.asked,
        pass_percent=row.pass_percent,
        minutes=max(1, round((row.finished_at - row.started_at).total_seconds() / 60)),
        finished_at=row.finished_at,
        valid_until=row.valid_until,
        code=code,
        url=f"{settings.PUBLIC_URL}/certificates/{code}",
        look=looks.current(),
    )


def paper(certificate: Certificate) -> bytes:
    """Set a certificate as PDF; the same one is the same bytes. Call it outside any transaction."""
    result = (
        f"{certificate.right} of {certificate.asked} questions right, pass mark {certificate.pass_percent} %"
    )
    facts = [
        ("Finished on", words.day(certificate.finished_at.date(), "en")),
        ("Valid until", words.day(certificate.valid_until, "en")),
        ("Result", result),
        ("Module", f"{certificate.course}, version {certificate.version}"),
        ("Fingerprint of its text", certificate.fingerprint),
        ("Role then", certificate.role.replace("_", " ").capitalize()),
    ]
    shown = values.showable(
        {
            "look": values.look(certificate.look),
            "title": f"Certificate of training: {certificate.title}",
            "organization": certificate.organization,
            "person": certificate.person,
            "module": certificate.title,
            "facts": [list(fact) for fact in facts],
            "code": printed(certificate.code),
            "url": certificate.url,
            "place": f"{settings.PUBLIC_URL}/certificates",
        }
    )
    return compiler.to_pdf("certificate", shown, at=certificate.finished_at)
