"""Which version is later, what an advisory says of one, and how bad a weakness is."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patching import matching, rules, severity, versions
from patching.matching import MalformedAdvisory, Verdict
from patching.rules import Severity, State

# (ecosystem, the earlier, the later): Debian's from its policy, SemVer's from its section 11, Python's from PEP 440.
ORDERED = [
    ("PyPI", "1.0.dev1", "1.0a1"),
    ("PyPI", "1.0rc1", "1.0"),
    ("PyPI", "1.0", "1.0.post1"),
    ("PyPI", "1.9", "1.10"),
    ("PyPI", "9.1.2", "9.1.2.post2"),
    ("Debian:12", "1.0~rc1-1", "1.0-1"),
    ("Debian:12", "1.0~~", "1.0~"),
    ("Debian:12", "1.0~~a", "1.0~"),
    ("Debian:12", "1.0", "1.0a"),
    ("Debian:12", "2.9", "1:0.1"),
    ("Debian:12", "1.2.3-1", "1.2.3-1+deb12u1"),
    ("Debian:12", "1.2.3-1+deb12u9", "1.2.3-1+deb12u10"),
    ("Debian:12", "3.0.17-1~deb12u2", "3.0.17-1"),
    ("Debian:12", "1.0a", "1.0+"),
    ("npm", "1.0.0-alpha", "1.0.0-alpha.1"),
    ("npm", "1.0.0-alpha.1", "1.0.0-alpha.beta"),
    ("npm", "1.0.0-beta.2", "1.0.0-beta.11"),
    ("npm", "1.0.0-rc.1", "1.0.0"),
    ("npm", "4.0.1", "4.1"),
    ("Bitnami", "18.5.0", "18.6"),
]


@pytest.mark.parametrize(("ecosystem", "earlier", "later"), ORDERED)
def test_the_later_version_is_later(ecosystem: str, earlier: str, later: str) -> None:
    assert versions.compare(ecosystem, earlier, later) == -1
    assert versions.compare(ecosystem, later, earlier) == 1
    assert versions.compare(ecosystem, later, later) == 0


@pytest.mark.parametrize(
    ("ecosystem", "one", "same"),
    [
        ("PyPI", "1.0", "1.0.0"),
        ("npm", "1.0.0+a", "1.0.0+b"),
        ("Debian:12", "0:1.0-0", "1.0"),
        ("Bitnami", "18", "18.0.0"),
    ],
)
def test_what_is_the_same_is_the_same(ecosystem: str, one: str, same: str) -> None:
    assert versions.compare(ecosystem, one, same) == 0


@pytest.mark.parametrize("ecosystem", ["PyPI", "npm", "Bitnami", "Debian:12"])
@pytest.mark.parametrize("text", ["", "none at all", "1" * 300, "\x00", "1.0 beta?"])
def test_what_is_no_version_is_said_to_be_none(ecosystem: str, text: str) -> None:
    with pytest.raises(versions.Incomparable):
        versions.compare(ecosystem, text, "1.0")


_DEBIAN = st.from_regex(r"([0-9]:)?[0-9][0-9a-z.+~]{0,8}(-[0-9a-z.+~]{1,5})?", fullmatch=True)


@given(_DEBIAN, _DEBIAN, _DEBIAN)
def test_debian_versions_stand_in_one_order(one: str, two: str, three: str) -> None:
    compare = versions.compare
    assert compare("Debian", one, two) == -compare("Debian", two, one)
    first, second, third = sorted((one, two, three), key=versions.key("Debian"))  # type: ignore[arg-type]
    assert compare("Debian", first, third) <= 0
    assert compare("Debian", first, second) <= 0 and compare("Debian", second, third) <= 0


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # of the examples that FIRST publishes, and of well known weaknesses
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "9.8"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "10.0"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", "6.1"),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "6.4"),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "3.1"),
        ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "7.8"),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "7.5"),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "0"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "9.3"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "10.0"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", "8.7"),
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "7.3"),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "7.7"),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", "7.5"),
    ],
)
def test_scores_are_those_of_the_specification(vector: str, score: str) -> None:
    assert severity.base_score(vector) == Decimal(score)


V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
V3 = "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"
V2 = "AV:N/AC:L/Au:N/C:C/I:C/A:C"


@pytest.mark.parametrize(
    "vector",
    [
        *("", "CVSS:4.0/AV:N/AC:L", "CVSS:3.1/AV:N", "CVSS:3.1/AV:?", "AV:N/AC:L", f"{V4}/AV:N", f"{V4}/"),
        *(V4.replace("4.0", "5.0"), V4 + "/E:A" * 400, V3.replace("3.1", "4.0"), "\x00", "CVSS:"),
    ],
)
def test_a_vector_that_cannot_be_read_is_the_worst_until_it_is(vector: str) -> None:
    assert severity.base_score(vector) is None
    said = [{"type": "CVSS_V4", "score": vector}, {"type": "CVSS_V3", "score": V3}]
    found = severity.of({"severity": said, "database_specific": {"severity": "LOW"}}, {})
    assert found == Severity.UNRATED
    assert rules.DUE_DAYS[found] == min(rules.DUE_DAYS.values())


def test_the_newest_vector_counts() -> None:
    """Whatever an older one says, and whichever package or record it stands at; words only where there is none."""
    by_version = {"CVSS_V2": V2, "CVSS_V3": V3, "CVSS_V4": V4}
    said = [{"type": kind, "score": vector} for kind, vector in by_version.items()]
    assert severity.of({"severity": said}, {}) == Severity.CRITICAL
    assert severity.of({"severity": said[:2]}, {}) == Severity.LOW
    assert severity.of({"severity": said[:1]}, {"severity": said[1:2]}) == Severity.LOW
    assert severity.of({"severity": said[:1]}, {}) == Severity.CRITICAL
    worse = [said[1], {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
    assert severity.of({"severity": worse}, {}) == Severity.HIGH
    assert severity.of({"severity": [{"type": "Ubuntu", "score": "medium"}]}, {}) == Severity.MEDIUM
    assert severity.of({}, {}) == Severity.UNRATED


def advisory(
    *events: dict[str, str], named: tuple[str, ...] = (), kind: str = "ECOSYSTEM", **more: Any
) -> dict[str, Any]:
    ranges = [{"type": kind, "events": list(events)}] if events else []
    package = {"ecosystem": "PyPI", "name": "Left.Pad"}
    return {
        "id": "TEST-1",
        "affected": [{"package": package, "ranges": ranges, "versions": list(named)}],
        **more,
    }


def says(document: dict[str, Any], version: str) -> Verdict:
    read = matching.read(document)
    assert read is not None
    return read.affected[0].says_of(version)


A, S, U = Verdict.AFFECTED, Verdict.SAFE, Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("document", "version", "verdict"),
    [
        (advisory({"introduced": "0"}, {"fixed": "1.2"}), "1.1.9", A),
        (advisory({"introduced": "0"}, {"fixed": "1.2"}), "1.2", S),
        (advisory({"introduced": "1.1"}, {"fixed": "1.2"}), "1.0", S),
        (advisory({"introduced": "0"}, {"last_affected": "1.2"}), "1.2", A),
        (advisory({"introduced": "0"}, {"last_affected": "1.2"}), "1.2.1", S),
        (advisory({"introduced": "0"}), "99", A),
        # Mended, broken again, mended again; and written out of order.
        (advisory({"introduced": "2.0"}, {"fixed": "2.3"}, {"introduced": "0"}, {"fixed": "1.2"}), "1.5", S),
        (advisory({"introduced": "2.0"}, {"fixed": "2.3"}, {"introduced": "0"}, {"fixed": "1.2"}), "2.1", A),
        (advisory(named=("1.0", "1.1")), "1.1.0", A),
        (advisory(named=("1.0", "1.1")), "1.2", S),
        # What cannot be decided is not "safe".
        (advisory({"introduced": "0"}, {"fixed": "1.2"}), "not a version", U),
        (advisory({"introduced": "0"}, {"fixed": "soon"}), "1.0", U),
        (advisory({"introduced": "abc"}, {"fixed": "def"}, kind="GIT"), "1.0", U),
        (advisory(), "1.0", U),
        # A range of commits beside ranges of versions adds nothing.
        (advisory({"introduced": "abc"}, named=("2.0",), kind="GIT"), "1.0", S),
    ],
)
def test_what_an_advisory_says_of_a_version(document: dict[str, Any], version: str, verdict: Verdict) -> None:
    assert says(document, version) is verdict


def test_names_are_compared_as_their_world_compares_them() -> None:
    read = matching.read(advisory({"introduced": "0"}))
    assert read is not None
    for name in ("left-pad", "LEFT_PAD", "left.pad"):
        assert matching.look(ecosystem="PyPI", name=name, version="1", advisories=[read]).matches
    assert not matching.look(ecosystem="npm", name="left-pad", version="1", advisories=[read]).matches


@pytest.mark.parametrize(
    "document",
    [{}, {"id": ""}, {"id": 3}, {"id": "TEST-1", "affected": [{"package": {}}]}, {"id": "TEST-1", "affected": 3},
     {"id": "TEST-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{}]}]}],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(MalformedAdvisory):
        matching.read(document)


def test_a_summary_turns_no_writing() -> None:
    read = matching.read(advisory(summary="a\u202eb \x1b[31m c\n d"))
    assert read is not None and read.summary == "ab [31m c d"


def test_what_was_withdrawn_says_nothing() -> None:
    assert matching.read(advisory({"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")) is None


def look(*documents: dict[str, Any], version: str = "1.0") -> matching.Finding:
    read = [one for one in map(matching.read, documents) if one is not None]
    return matching.look(ecosystem="PyPI", name="left-pad", version=version, advisories=read)


def test_the_smallest_safe_version_is_safe_from_all_of_them() -> None:
    first = advisory({"introduced": "0"}, {"fixed": "1.2"})
    # What mends the first brings the second, which 1.4 mends; 2.0 mends it as well, and more than is needed.
    second = {**advisory({"introduced": "1.2"}, {"fixed": "1.4"}), "id": "TEST-2"}
    third = {**advisory({"introduced": "0.1"}, {"fixed": "1.3"}), "id": "TEST-3"}
    found = look(first, second, third)
    assert [one.advisory.id for one in found.matches] == ["TEST-1", "TEST-3"]
    assert {one.safe_version for one in found.matches} == {"1.4"}
    assert look(advisory({"introduced": "0"})).matches[0].safe_version == ""


def test_one_weakness_under_two_names_is_found_once_with_the_worse_severity() -> None:
    low = advisory({"introduced": "0"}, aliases=["CVE-2026-1"], database_specific={"severity": "LOW"})
    high = {
        **advisory({"introduced": "0"}, aliases=["CVE-2026-1"], database_specific={"severity": "HIGH"}),
        "id": "AAA-1",
    }
    (found,) = look(low, high).matches
    assert (found.advisory.id, found.severity) == ("AAA-1", Severity.HIGH)
    assert set(found.advisory.aliases) == {"CVE-2026-1", "TEST-1"}


def test_the_state_of_the_whole() -> None:
    clean, unknown, bad = State.CLEAN, State.UNKNOWN, State.VULNERABLE
    assert rules.overall([clean, clean], []) is clean
    assert rules.overall([clean, unknown], []) is unknown
    assert rules.overall([unknown, bad], ["stale"]) is bad
    assert rules.overall([clean], ["silent"]) is unknown
    assert rules.overall([], []) is unknown
