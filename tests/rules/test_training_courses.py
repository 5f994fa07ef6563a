"""The courses: each can be read, teaches by every answer, and is not passed by reading the shape of its answers."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.permissions import RoleCode
from training import courses, rules
from training.courses import CourseFault
from training.courses.reading import ASKED, EVERYONE, Span, spans
from training.rules import Policy
from training.services.modules import EXAMPLE

BUILTIN = list(courses.builtin().values())
TODAY = date(2026, 11, 25)


def test_there_are_the_ten_of_the_syllabus():
    assert [course.code for course in BUILTIN] == [
        "phishing", "invoice-fraud", "passwords", "card-data", "personal-data", "exports", "devices", "voices",
        "incidents", "two-people",
    ]  # fmt: skip


@pytest.mark.parametrize("course", BUILTIN, ids=lambda course: course.code)
def test_a_course_is_whole(course):
    assert len(course.questions) == 12
    assert 3 <= len(course.pages) <= 5
    assert course.pass_percent == 80
    assert 5 <= course.minutes <= 10
    assert course.summary and len(course.goals) == 3 and course.maps
    assert set(course.roles) <= {EVERYONE, *RoleCode}
    # A real scene on the first page, a step on every page, and more than one kind of step.
    assert all(page.step is not None for page in course.pages)
    assert len({page.step.kind for page in course.pages}) >= 2
    words = sum(
        len(span.text.split())
        for page in course.pages
        for block in page.blocks
        for item in block.items
        for span in item
    )
    assert words >= 350, "too little to learn from"


@pytest.mark.parametrize("course", BUILTIN, ids=lambda course: course.code)
def test_every_answer_teaches_and_none_gives_itself_away(course):
    for asked in (*course.questions, *(page.step for page in course.pages)):
        whys = [option.why for option in asked.options]
        assert all(len(why) >= 8 for why in whys)
        assert len(set(whys)) == len(whys)
    longest = sum(max(each.options, key=lambda o: len(o.text)).right for each in course.questions)
    shortest = sum(min(each.options, key=lambda o: len(o.text)).right for each in course.questions)
    # Whoever always takes the longest answer, or the shortest, fails.
    assert longest <= 4
    assert shortest <= 4
    assert len({each.text for each in course.questions}) == 12


def test_no_place_among_the_answers_is_the_right_ones():
    places = [0, 0, 0, 0]
    for seed in range(200):
        for course in BUILTIN:
            for question in course.questions:
                if len(question.options) == 4:
                    right = next(index for index, option in enumerate(question.options) if option.right)
                    order = rules.arranged(bytes([seed]) * 16, question.code, 4)
                    places[order.index(right)] += 1
    assert max(places) - min(places) < sum(places) * 0.02


@given(st.binary(min_size=16, max_size=16))
def test_five_different_questions_are_drawn_and_the_same_again(seed):
    codes = [question.code for question in BUILTIN[0].questions]
    drawn = rules.draw(seed, codes)
    assert len(set(drawn)) == ASKED
    assert rules.draw(seed, list(reversed(codes))) == drawn
    assert sorted(rules.arranged(seed, "q01", 4)) == [0, 1, 2, 3]


def test_the_example_can_be_published_as_it_is():
    assert courses.read(EXAMPLE).code == "our-payments"


def test_markup_is_words_never_a_tag():
    assert spans("a **b** `c` <b>d</b>") == (
        Span("plain", "a "),
        Span("strong", "b"),
        Span("plain", " "),
        Span("code", "c"),
        Span("plain", " <b>d</b>"),
    )


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("# How we", "How we", "Line 1"),
        ("code: our-payments", "code: Our Payments", "“code:”"),
        ("code: our-payments", "coder: x", "Line 2"),
        ("minutes: 5", "minutes: five", "“minutes:”"),
        ("pass: 80", "pass: 101", "“pass:”"),
        ("### choose:", "### guess:", "“choose:”"),
        (
            "- [x] Call back on the number on file",
            "- [ ] Call back on the number on file",
            "One answer is right",
        ),
        ("  Asking costs a minute.\n", "", "An explanation is missing"),
        ("### q02:", "### q01:", "a code of its own"),
        ("### q05: When does our own rule not apply?", "### when", "a code of its own"),
        ("- [ ] When a director asks", "- [x] When a director asks", "Exactly one answer"),
        ("## Questions", "## Tasks", "Line"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(before, after, says):
    assert before in EXAMPLE
    with pytest.raises(CourseFault, match=says):
        courses.read(EXAMPLE.replace(before, after, 1))


def test_a_module_needs_enough_questions():
    short = EXAMPLE[: EXAMPLE.index("### q05")]
    with pytest.raises(CourseFault, match="5 to 40 questions"):
        courses.read(short)


# --- When it is due ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "standing", "stage"),
    [
        (-14, "open", "assigned"),
        (-8, "open", "assigned"),
        (-7, "due_soon", "week"),
        (-1, "due_soon", "day"),
        (0, "due_soon", "day"),
        (1, "overdue", "overdue"),
        (7, "overdue", "overdue_week"),
        (14, "overdue", "manager"),
        (21, "overdue", "manager"),
        (22, "lapsed", "lapsed"),
    ],
)
def test_a_day_decides_how_it_stands_and_which_reminder_is_due(late, standing, stage):
    due, policy = TODAY - timedelta(days=late), Policy()
    assert rules.standing(state="open", due_on=due, today=TODAY, policy=policy) == standing
    assert rules.stage(due_on=due, today=TODAY, policy=policy) == stage
    assert rules.standing(state="done", due_on=due, today=TODAY, policy=policy) == "done"
    assert not rules.is_later(stage, stage)
    assert rules.is_later(stage, "")


def test_it_comes_again_before_it_runs_out_and_late_people_get_time():
    policy = Policy()
    assert rules.again_due(policy, valid_until=TODAY + timedelta(days=31), today=TODAY) is None
    soon = TODAY + timedelta(days=30)
    assert rules.again_due(policy, valid_until=soon, today=TODAY) == soon
    gone = TODAY - timedelta(days=100)
    assert rules.again_due(policy, valid_until=gone, today=TODAY) == TODAY + timedelta(days=14)


def test_a_duty_is_of_roles_and_of_every_role_nobody_decided_about():
    assert rules.concerns(["everyone"], role="auditor", builtin=True)
    assert not rules.concerns(["owner"], role="auditor", builtin=True)
    assert rules.concerns(["owner"], role="night_shift", builtin=False)
    assert not rules.concerns([], role="night_shift", builtin=False)


@pytest.mark.parametrize(("right", "enough"), [(3, False), (4, True), (5, True)])
def test_four_of_five_are_eighty_in_a_hundred(right, enough):
    assert rules.passes(right=right, asked=5, pass_percent=80) is enough
    assert rules.needed(asked=5, pass_percent=80) == 4
