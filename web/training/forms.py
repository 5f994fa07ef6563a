"""What is asked in a course, and about training."""

from collections.abc import Sequence
from typing import Any

from django import forms

from training.courses import Option, Step
from training.models import SuspiciousMessage
from web.kit.forms import DayField, Form


def _choices(shown: Sequence[tuple[int, Option]]) -> list[tuple[str, str]]:
    return [(str(number), option.text) for number, option in shown]


class OneAnswerForm(Form):
    """One of several answers."""

    answer = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, *args: Any, prompt: str, shown: Sequence[tuple[int, Option]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["answer"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices, field.label = _choices(shown), prompt
        field.error_messages["required"] = "Choose an answer."

    @property
    def chosen(self) -> list[int]:
        """Return the number of the answer; call it on a valid form."""
        return [int(self.cleaned_data["answer"])]


class SomeAnswersForm(Form):
    """All answers that apply."""

    answer = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, prompt: str, shown: Sequence[tuple[int, Option]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["answer"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  declared above
        field.choices, field.label = _choices(shown), prompt
        field.error_messages["required"] = "Mark at least one."

    @property
    def chosen(self) -> list[int]:
        """Return the numbers of the answers; call it on a valid form."""
        return [int(number) for number in self.cleaned_data["answer"]]


class OrderForm(Form):
    """A place for each part."""

    def __init__(self, *args: Any, prompt: str, shown: Sequence[tuple[int, Option]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prompt, self._numbers = prompt, [number for number, _ in shown]
        places = [("", "–"), *((str(place), str(place)) for place in range(1, len(shown) + 1))]
        for number, option in shown:
            self.fields[f"place_{number}"] = forms.ChoiceField(
                label=option.text, choices=places, error_messages={"required": "Give each step a place."}
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a place that was given twice."""
        cleaned = super().clean()
        given = [cleaned.get(f"place_{number}") for number in self._numbers]
        if all(given) and len(set(given)) != len(given):
            self.add_error(None, "Give each step a place of its own.")
        return cleaned

    @property
    def chosen(self) -> list[int]:
        """Return the numbers of the parts in the order they were put; call it on a valid form."""
        return sorted(self._numbers, key=lambda number: int(self.cleaned_data[f"place_{number}"]))


StepForm = OneAnswerForm | SomeAnswersForm | OrderForm


def step_form(step: Step, shown: Sequence[tuple[int, Option]], posted: Any = None) -> StepForm:
    """Return the form of a page's step."""
    kinds: dict[str, type[OneAnswerForm] | type[SomeAnswersForm] | type[OrderForm]] = {
        "choose": OneAnswerForm,
        "mark": SomeAnswersForm,
        "order": OrderForm,
    }
    return kinds[step.kind](posted, prompt=step.prompt, shown=shown)


class FinishForm(Form):
    """The promise at the end."""

    acknowledged = forms.BooleanField(
        label="I have understood this module and will act by it at work. When I am not sure, I ask or report.",
        error_messages={"required": "Tick the sentence to finish."},
    )


class ReportForm(Form):
    """What was suspicious."""

    kind = forms.ChoiceField(
        label="How did it reach you?",
        widget=forms.RadioSelect,
        choices=[
            ("mail", "E-mail"),
            ("phone", "Phone call"),
            ("text", "Text or chat message"),
            ("letter", "Letter or printed QR code"),
            ("person", "In person"),
            ("other", "Another way"),
        ],
    )
    done = forms.ChoiceField(
        label="What has happened so far?",
        help_text="Nobody is blamed for the answer. It only decides how much hurry there is.",
        widget=forms.RadioSelect,
        choices=[
            ("nothing", "Nothing: I only received it"),
            ("opened", "I opened the link or the attachment"),
            ("answered", "I answered"),
            ("entered", "I entered a password, a code or other data"),
            ("paid", "I paid, or changed bank details"),
        ],
    )
    sender = forms.CharField(
        label="Who did it claim to be from?",
        required=False,
        max_length=200,
        help_text="An address, a number or a name, as it was shown.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    text = forms.CharField(
        label="What did it say or want?",
        max_length=8_000,
        help_text="Paste the message if you can, links as text. Kept encrypted; do not open anything again to copy it.",
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off"}),
    )


class VerdictForm(Form):
    """What a message turned out to be."""

    verdict = forms.ChoiceField(
        label="What is it?",
        widget=forms.RadioSelect,
        choices=[
            (SuspiciousMessage.State.ATTACK.value, "An attack"),
            (SuspiciousMessage.State.SPAM.value, "Unwanted, but no attack"),
            (SuspiciousMessage.State.HARMLESS.value, "Harmless: it was genuine"),
        ],
    )
    note = forms.CharField(
        label="What was done about it",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


class PracticeVerdictForm(VerdictForm):
    """The same, where whoever reported it was sent a practice mail."""

    practice = forms.BooleanField(
        label="It was our own practice mail",
        required=False,
        help_text="Then it is harmless, and counts as reported at the moment it was.",
    )


class ExtendForm(Form):
    """More time."""

    due_on = DayField(label="New due day")
    note = forms.CharField(
        label="Why",
        max_length=500,
        help_text="Kept encrypted. No diagnosis, no details of anybody’s leave: “back on 3 March” is enough.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ExcuseForm(Form):
    """Excused, by two people."""

    reason = forms.CharField(
        label="Why this person need not take it",
        max_length=500,
        help_text="A second person reads this and decides.",
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )


class AssignForm(Form):
    """Who takes what by when."""

    course = forms.ChoiceField(label="Module")
    members = forms.MultipleChoiceField(label="People", widget=forms.CheckboxSelectMultiple)
    due_on = DayField(label="Due")

    def __init__(
        self,
        *args: Any,
        courses: Sequence[tuple[str, str]],
        people: Sequence[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("course", [("", "Choose a module"), *courses]), ("members", list(people))):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = choices


class DutyForm(Form):
    """Whose duty a module is."""

    roles = forms.MultipleChoiceField(
        label="Whose duty it is",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick nobody, and it is nobody’s duty; people can still take it.",
    )

    def __init__(self, *args: Any, roles: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["roles"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  declared above
        field.choices = roles


class PolicyForm(Form):
    """How training is asked for."""

    hire_days = forms.IntegerField(
        label="Days for newcomers and new duties",
        min_value=1,
        max_value=90,
        help_text="Counted from the day a module is assigned.",
    )
    repeat_days = forms.IntegerField(
        label="Days until a module is taken again",
        min_value=30,
        max_value=365,
        help_text="At most a year: PCI DSS 12.6.3 asks for training at hire and every 12 months.",
    )
    grace_days = forms.IntegerField(
        label="Days of grace after the due day",
        min_value=1,
        max_value=60,
        help_text="People are reminded; nothing is taken away yet.",
    )
    withholds = forms.BooleanField(
        label="After the grace, withhold what moves money, lets data out or decides over trust",
        required=False,
        help_text="It comes back the moment the last overdue module is passed. Everyday work and what protects in an "
        "emergency are never withheld.",
    )


class FilterForm(Form):
    """Which assignments."""

    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[
            ("", "All"),
            ("overdue", "Overdue"),
            ("open", "Open"),
            ("done", "Passed"),
            ("excused", "Excused"),
            ("dropped", "No duty any more"),
        ],
    )
    course = forms.ChoiceField(label="Module", required=False)

    def __init__(self, *args: Any, courses: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["course"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [("", "All"), *courses]


class ModuleForm(Form):
    """The text of an own module."""

    body = forms.CharField(
        label="Text of the module",
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 24, "autocomplete": "off", "spellcheck": "true"}),
    )


class PublishForm(Form):
    """Publishing a version."""

    again = forms.BooleanField(
        label="Everybody who has passed an earlier version takes this one too",
        required=False,
        help_text="Tick it when something changed that people have to know.",
    )


class CodeForm(Form):
    """The code of a certificate."""

    certificate = forms.CharField(
        label="Code on the certificate",
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
