"""Practice mails are what they are called, speak for nobody, and the numbers they bring name nobody."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from training.practice import rules
from training.practice.library import LURES
from training.practice.lures import CUES, LINK, Count, Difficulty, Fit, Lure, spans
from training.practice.rules import Seen

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
# What no practice mail is about, and whom it never speaks for: a person in need must not meet it as a trap.
FORBIDDEN = re.compile(
    r"salary|\bpay ?roll|bonus|wage|dismiss|redundan|fired|health|sick|hospital|covid|vaccin|famil|child|charit|donat"
    r"|disaster|earthquake|flood|\bwar\b|union|immigra|visa\b|\bbanks?\b|tax office|police|court|ministry|authority"
    r"|customs|government|strongbox|password|microsoft|google|apple|amazon|paypal|stripe|dhl|fedex|\bups\b|docusign"
    r"|adobe|dropbox|linkedin|please",
    re.IGNORECASE,
)


def words(lure: Lure) -> str:
    page = (lure.landing.title, lure.landing.lead, *lure.landing.fields, lure.landing.button)
    return "\n".join([lure.sender, lure.plain_subject, lure.plain_text("https://a.example/doc/x"), *page])


@pytest.mark.parametrize("lure", LURES.values(), ids=lambda lure: lure.code)
def test_a_lure_speaks_for_nobody_and_marks_what_it_says_it_marks(lure: Lure) -> None:
    assert FORBIDDEN.findall(words(lure)) == []
    assert lure.house in lure.sender
    assert set(lure.found) <= set(CUES)
    assert set(lure.chief) <= {"sender", *(span.cue for span in spans(lure.subject + lure.text, link="x"))}
    assert lure.text.count(LINK) == 1
    text = lure.plain_text("https://a.example/doc/x")
    assert "[[" not in text + lure.plain_subject
    assert "".join(span.text for span in spans(lure.text, link="https://a.example/doc/x")) == text
    # A browser would keep a password typed on our own address: none is ever asked for.
    assert lure.landing.fields


def test_what_a_lure_may_not_be_about_is_found() -> None:
    assert FORBIDDEN.findall("Your bonus waits at your Bank") == ["bonus", "Bank"]


def test_difficulty_follows_from_the_marks_and_the_fit() -> None:
    assert {lure.difficulty for lure in LURES.values()} == set(Difficulty)
    easy = LURES["parcel-desk"]
    assert (easy.count, easy.fit, easy.difficulty) == (Count.MANY, Fit.WEAK, Difficulty.LEAST)
    hard = LURES["invoice-query"]
    assert (hard.count, hard.fit, hard.difficulty) == (Count.FEW, Fit.STRONG, Difficulty.VERY)


def test_mails_leave_in_working_hours_evenly_and_unforeseen() -> None:
    zone = ZoneInfo("Europe/Berlin")
    after = datetime(2026, 11, 27, 15, tzinfo=zone)  # a Friday
    hours = rules.working_hours(
        opens_on=date(2026, 11, 26), closes_on=date(2026, 12, 1), zone=zone, after=after
    )
    assert [(begins.day, begins.hour, ends.hour) for begins, ends in hours] == [
        (27, 15, 17), (30, 9, 17), (1, 9, 17)
    ]  # fmt: skip
    names = [str(number) for number in range(36)]
    moments = rules.spread(b"seed", names, hours)
    assert set(moments) == set(names)
    assert all(any(begins <= at < ends for begins, ends in hours) for at in moments.values())
    assert [sum(at.day == day for at in moments.values()) for day in (27, 30, 1)] == [4, 16, 16]
    assert sorted(moments, key=moments.__getitem__) != names
    assert rules.spread(b"other", names, hours) != moments
    assert not rules.working_hours(
        opens_on=date(2026, 11, 28), closes_on=date(2026, 11, 29), zone=zone, after=after
    )


def test_a_program_is_no_person_and_a_stage_never_goes_back() -> None:
    firefox, late = (
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        timedelta(minutes=1),
    )
    assert not rules.is_program(agent=firefox, since_sent=late)
    assert rules.is_program(agent=firefox, since_sent=timedelta(seconds=4))
    for agent in ("", "curl/8.5", "Mozilla/5.0 (compatible; bingbot/2.0)", "BarracudaCentral URL-Scanner"):
        assert rules.is_program(agent=agent, since_sent=late)
    steps = [
        (now, to) for now in (*rules.STAGES, "spared") for to in rules.STAGES if rules.is_forward(now, to)
    ]
    assert steps == [
        ("queued", "sent"), ("queued", "clicked"), ("queued", "typed"), ("sent", "clicked"), ("sent", "typed"),
        ("clicked", "typed"),
    ]  # fmt: skip


def seen(role: str, stage: str = "sent", *, told: int | None = None) -> Seen:
    reported = AT + timedelta(minutes=told) if told is not None else None
    return Seen(role=role, stage=stage, sent_at=None if stage == "queued" else AT, reported_at=reported)


def test_the_numbers_count_further_stages_and_report_first() -> None:
    rows = [
        seen("a", "typed", told=30), seen("a", "clicked"), *[seen("a")] * 4, seen("b", told=12), seen("b", told=90),
        *[seen("b")] * 4, seen("a", "queued"), Seen(role="b", stage="sent", sent_at=AT, undelivered=True),
    ]  # fmt: skip
    found = rules.totals(rows)
    assert (found.people, found.sent, found.undelivered) == (14, 12, 1)
    assert (found.clicked, found.typed, found.reported) == (2, 1, 3)
    assert (found.first_report_seconds, found.median_report_seconds) == (12 * 60, 30 * 60)
    assert (found.report_percent, found.click_percent, found.is_shown) == (25, 17, True)
    assert rules.totals([]) == rules.Totals()


def sizes(**roles: int) -> list[tuple[tuple[str, ...], int]]:
    rows = [seen(role) for role, count in roles.items() for _ in range(count)]
    return [(team.roles, team.sent) for team in rules.teams(rows)]


def test_a_number_names_nobody() -> None:
    assert sizes(clerks=9, admins=5) == [(("clerks",), 9), (("admins",), 5)]
    # One small role alone would follow from the sum: the next larger one goes with it.
    assert sizes(clerks=9, managers=6, owner=1) == [(("clerks",), 9), (("managers", "owner"), 7)]
    assert sizes(clerks=9, managers=3, owner=2) == [(("clerks",), 9), (("managers", "owner"), 5)]
    assert sizes(clerks=9, owner=1) == []
    assert sizes(clerks=4, owner=4) == []
    assert not rules.totals([seen("clerks")] * 4).is_shown
    assert rules.totals([seen("clerks")] * 5).is_shown
