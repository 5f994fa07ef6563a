"""What no machine can see: people bring the evidence, and it runs out."""

from collections.abc import Sequence
from datetime import timedelta

from compliance.controls.rules import Control

_YEAR, _QUARTER = timedelta(days=365), timedelta(days=92)


def _manual(
    code: str,
    title: str,
    what: str,
    matters: str,
    period: timedelta,
    maps: Sequence[tuple[str, str]],
) -> Control:
    return Control(
        code=code,
        title=title,
        family="organization",
        checks=what,
        passes="Evidence was brought and is not out of date.",
        fails="There is none, or it is out of date.",
        matters=matters,
        remedy="Bring the evidence as a file, with the day until which it holds.",
        period=period,
        maps=maps,
    )


CONTROLS = (
    _manual(
        "organization.risk_analysis",
        "Risks are analysed every year",
        "The analysis of risks to data, with decisions and owners.",
        "Measures follow from risks, not from habit.",
        _YEAR,
        (("pci-dss", "12.3.1"), ("hipaa", "308(a)(1)(ii)(A)"), ("gdpr", "35")),
    ),
    _manual(
        "organization.security_policy",
        "A security policy is in force and known",
        "The policy as approved, and who has acknowledged it.",
        "People can only keep to what they were told.",
        _YEAR,
        (("pci-dss", "12.6.1"), ("hipaa", "316(b)(2)(i)"), ("gdpr", "5(2)")),
    ),
    _manual(
        "organization.security_officer",
        "Somebody answers for security and for data protection",
        "The appointment, with name and how to reach them.",
        "In an incident somebody must be allowed to decide.",
        _YEAR,
        (("hipaa", "308(a)(2)"), ("gdpr", "37")),
    ),
    _manual(
        "organization.external_scan",
        "The outside is scanned every quarter",
        "The passing report of an approved scanning vendor.",
        "Nobody can look at themselves from outside.",
        _QUARTER,
        (("pci-dss", "11.3.2"),),
    ),
    _manual(
        "organization.penetration_test",
        "Somebody tries to break in every year",
        "The report of the test, and what was done about each finding.",
        "Machines find what they were told to look for; people find the rest.",
        _YEAR,
        (("pci-dss", "11.4.x"), ("gdpr", "32(1)(d)")),
    ),
    _manual(
        "organization.incident_plan",
        "The incident plan is tested every year",
        "The plan, and the record of the exercise.",
        "At three in the morning nobody reads a plan for the first time.",
        _YEAR,
        (("pci-dss", "12.10.1-12.10.6"), ("hipaa", "308(a)(6)(ii)"), ("gdpr", "33")),
    ),
    _manual(
        "organization.providers",
        "Providers are known and have agreed",
        "The register of providers with agreement, data, certificate and review date.",
        "Your customers' data is only as safe as with whom you share it.",
        _YEAR,
        (("pci-dss", "12.8.1-12.8.5"), ("hipaa", "308(b)"), ("gdpr", "28")),
    ),
    _manual(
        "organization.scope",
        "Where data flows is confirmed every year",
        "The data-flow drawing and the confirmation of the scope.",
        "What is outside the drawing is outside the protection.",
        _YEAR,
        (("pci-dss", "12.5.2"), ("gdpr", "44-49")),
    ),
    _manual(
        "organization.privacy_notice",
        "People are told what happens with their data",
        "The privacy notice in force, and where it is shown.",
        "Nobody can object to what they were not told.",
        _YEAR,
        (("gdpr", "13"), ("gdpr", "6")),
    ),
    _manual(
        "organization.impact_assessment",
        "High risks to people were assessed",
        "The data-protection impact assessment, or the decision that none is needed.",
        "Some processing can hurt people before anything is stolen.",
        _YEAR,
        (("gdpr", "35"),),
    ),
    _manual(
        "organization.physical",
        "Machines and media are locked away",
        "The data centre's certificate, and how media are destroyed.",
        "Whoever carries the disk away needs no password.",
        _YEAR,
        (("hipaa", "310"), ("pci-dss", "9.4.1")),
    ),
    _manual(
        "organization.business_associates",
        "Business associates have signed",
        "The signed agreements.",
        "Health data may be shared only with those who answer for it.",
        _YEAR,
        (("hipaa", "308(b)"),),
    ),
    _manual(
        "organization.sanctions",
        "Breaking the rules has consequences",
        "The sanctions policy.",
        "A rule without consequences is a wish.",
        _YEAR,
        (("hipaa", "308(a)(1)(ii)(C)"),),
    ),
    _manual(
        "organization.contingency",
        "The contingency plan is in force",
        "The plan for working without the system, and its test.",
        "Bills must be paid also when the house has burnt.",
        _YEAR,
        (("hipaa", "308(a)(7)"), ("gdpr", "32(1)(c)")),
    ),
)
