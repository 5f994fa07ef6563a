"""What stands in an evidence pack: requirements, the controls behind them, and what people brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from billing.documents import look as looks
from billing.documents import papers, pdf
from compliance.controls import queries
from compliance.controls.models import ControlException, ControlResult
from compliance.controls.queries import ControlRow
from compliance.controls.rules import Standing
from compliance.evidence.models import Evidence
from compliance.frameworks import queries as standing
from compliance.frameworks.queries import FrameworkRow
from compliance.frameworks.rules import Framework
from compliance.reviews import paper
from compliance.reviews import queries as reviews
from core import canonical, ids
from outbound import files

WORDS: Mapping[Standing, str] = {
    Standing.PASSING: "Passing",
    Standing.FAILING: "Failing",
    Standing.UNKNOWN: "Undecided",
    Standing.STALE: "Old result",
    Standing.MANUAL_DUE: "Evidence due",
    Standing.EXCEPTION: "Excepted",
    Standing.NOT_APPLICABLE: "Not applicable",
}
# It is said in every pack, because people will read more into it.
CAVEAT = (
    "This shows which checks passed, when, and with what evidence. Whether a law or a standard is met is for people "
    "to say. Where a row reads “maps to”, the number was not compared with the official text."
)
_MOST_RESULTS = 400
# The control whose proof is the signed reviews themselves.
_REVIEW = "access.review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What was read for a pack, in one transaction."""

    framework: Framework
    since: date
    until: date
    seller: pdf.Party
    look: pdf.Look
    row: FrameworkRow
    data: dict[str, canonical.Value]
    files: Mapping[str, bytes]
    # Set by the typesetter once the transaction is over.
    papers: Mapping[str, pdf.ReportDocument]

    @property
    def controls(self) -> int:
        """Count the controls behind the framework."""
        return len(self.row.controls)

    @property
    def passing(self) -> int:
        """Count those that pass, or are not applicable."""
        good = (Standing.PASSING, Standing.NOT_APPLICABLE)
        return sum(each.standing in good for each in self.row.controls)

    @property
    def failing(self) -> int:
        """Count live ones that do not pass, exceptions among them."""
        good = (Standing.PASSING, Standing.NOT_APPLICABLE)
        return sum(each.control.is_live and each.standing not in good for each in self.row.controls)

    @property
    def manual(self) -> int:
        """Count those that people see to."""
        return sum(not each.control.is_live for each in self.row.controls)

    def document(self, *, at: datetime) -> pdf.ReportDocument:
        """Write it for the typesetter."""
        counts = self.row.counts
        summary = tuple(
            (words, str(counts[each.value])) for each, words in WORDS.items() if counts[each.value]
        ) + ((("No control", str(counts["uncovered"])),) if counts["uncovered"] else ())
        return pdf.ReportDocument(
            at=at,
            seller=self.seller,
            look=self.look,
            title=f"Evidence: {self.framework.name.removesuffix(' 164.')} {self.framework.edition}",
            about=f"{self.since.isoformat()} to {self.until.isoformat()}. {self.row.live} of "
            f"{len(self.row.requirements)} requirements are decided by live checks.",
            note=CAVEAT,
            tables=(
                pdf.ReportTable(title="Requirements", head=("State", "Count"), rows=summary),
                pdf.ReportTable(
                    title="Requirement by requirement",
                    head=("Requirement", "Number", "State", "Controls"),
                    rows=tuple(
                        (
                            row.requirement.words,
                            row.label,
                            WORDS[row.standing] if row.standing else "No control",
                            str(len(row.controls)),
                        )
                        for row in self.row.requirements
                    ),
                ),
                pdf.ReportTable(
                    title="Controls",
                    head=("Control", "State", "Checked"),
                    rows=tuple(
                        (
                            f"{each.control.title}. {each.summary}",
                            WORDS[each.standing],
                            each.checked_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
                            if each.checked_at
                            else "People",
                        )
                        for each in self.row.controls
                    ),
                ),
            ),
        )


def read(*, framework: str, since: date, until: date, at: datetime) -> Contents:
    """Read everything of a framework for a pack, in the organization in scope.

    Raises:
        NotFound: there is no such framework.
    """
    row = standing.get(framework, at=at)
    codes = [each.control.code for each in row.controls]
    brought, held = _evidence(codes, at)
    signed = reviews.signed_between(since, until) if _REVIEW in codes else []
    signed_papers = [paper.of(ids.decode("access_review", name)) for name, _ in signed]
    held |= {f"access-reviews/{name}.json": canonical.dumps(written) + b"\n" for name, written in signed}
    data: dict[str, canonical.Value] = {
        "access_reviews": [name for name, _ in signed],
        "caveat": CAVEAT,
        "controls": [_control(each, since, until) for each in row.controls],
        "evidence": brought,
        "exceptions": _exceptions(codes),
        "framework": {
            "checked": row.framework.checked,
            "code": row.framework.code,
            "edition": row.framework.edition,
            "name": row.framework.name,
        },
        "made_at": at.astimezone(UTC).isoformat(),
        "requirements": [
            {
                "controls": [each.control.code for each in requirement.controls],
                "duty": requirement.requirement.duty.value,
                "id": requirement.requirement.id,
                "label": requirement.label,
                "state": requirement.standing.value if requirement.standing else "uncovered",
                "words": requirement.requirement.words,
            }
            for requirement in row.requirements
        ],
        "since": since.isoformat(),
        "until": until.isoformat(),
    }
    return Contents(
        framework=row.framework,
        since=since,
        until=until,
        seller=papers.issuer_party(),
        look=looks.current(),
        row=row,
        data=data,
        files=held,
        papers={f"access-reviews/{each.name}": each.document for each in signed_papers},
    )


def _control(row: ControlRow, since: date, until: date) -> dict[str, canonical.Value]:
    latest = queries.latest(row.control.code) if row.control.is_live else None
    results = ControlResult.objects.filter(
        code=row.control.code, at__date__gte=since, at__date__lte=until
    ).order_by("-id")[:_MOST_RESULTS]
    return {
        "checks": row.control.checks,
        "code": row.control.code,
        "excepted_until": row.excepted_until.isoformat() if row.excepted_until else None,
        "fails": row.control.fails,
        "last": None
        if latest is None
        else {
            "at": latest.at.isoformat(),
            "digest": latest.digest,
            "duration_ms": latest.duration_ms,
            "evidence": dict(latest.evidence),
        },
        "live": row.control.is_live,
        "passes": row.control.passes,
        "results": [
            {"at": each.at.isoformat(), "digest": bytes(each.digest).hex(), "state": each.state}
            for each in results
        ],
        "standing": row.standing.value,
        "title": row.control.title,
    }


def _exceptions(codes: Sequence[str]) -> list[canonical.Value]:
    rows = ControlException.objects.filter(code__in=codes).order_by("-id")
    return [
        {
            "agreed": each.approved_at.isoformat() if each.approved_at else None,
            "asked": each.asked_at.isoformat(),
            "control": each.code,
            "ends_on": each.ends_on.isoformat(),
            "reason": each.reason,
            "risk": each.risk,
            "state": each.state,
        }
        for each in rows
    ]


def _evidence(codes: Sequence[str], at: datetime) -> tuple[list[canonical.Value], dict[str, bytes]]:
    rows = Evidence.objects.select_related("file").filter(
        code__in=codes, withdrawn_at__isnull=True, valid_until__gte=at.date()
    )
    listed: list[canonical.Value] = []
    held: dict[str, bytes] = {}
    for each in rows.order_by("id"):
        ending = PurePosixPath(each.file.name or "").suffix
        path = f"evidence/{ids.encode('evidence', each.pk)}{ending}"
        held[path] = b"".join(files.plaintext(each.file))
        listed.append(
            {
                "added": each.added_at.isoformat(),
                "control": each.code,
                "file": path,
                "name": each.file.name or "",
                "sha256": bytes(each.digest).hex(),
                "title": each.title,
                "valid_until": each.valid_until.isoformat(),
            }
        )
    return listed, held
