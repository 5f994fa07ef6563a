"""The certificate of a closing on paper: which keys went, when, and what nobody can read any more."""

from billing.documents import pdf
from compliance.closing.models import Closing


def of(row: Closing) -> bytes:
    """Set the certificate of an organization that is closed; the same one is the same bytes.

    It names no one: the name went with the keys. Call it outside any transaction.
    """
    said = row.certificate or {}
    keys, rows = said["keys"], said["rows_that_can_be_read_no_more"]
    facts = (
        ("Organization", said["organization"]),
        ("Asked for", _moment(said["asked_at"])),
        ("Keys destroyed", _moment(said["closed_at"])),
        ("Fingerprint of the export (SHA-256)", said["export_sha256"]),
        ("Fingerprint of this certificate (SHA-256)", said["sha256"]),
    )
    document = pdf.ReportDocument(
        at=row.ended_at or row.asked_at,
        seller=pdf.Party(name="Strongbox"),
        title="Certificate of closing",
        about="Every key of this organization is destroyed. What they protected can be read by nobody, "
        "in no backup either.",
        note="The audit trail holds the fingerprint of this certificate, sealed with a key of its own.",
        tables=(
            pdf.ReportTable(title="What it says", head=("Of what", "Value"), rows=facts),
            pdf.ReportTable(
                title="Destroyed keys",
                head=("Key", "Purpose", "Version"),
                rows=tuple((key["id"], key["purpose"], str(key["version"])) for key in keys),
            ),
            pdf.ReportTable(
                title="Rows that can be read no more",
                head=("Of what", "Count"),
                rows=tuple((name, str(count)) for name, count in sorted(rows.items()) if count),
            ),
        ),
    )
    return pdf.report(document)


def _moment(iso: str) -> str:
    return f"{iso[:10]} {iso[11:19]} UTC"
