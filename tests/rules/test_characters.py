"""No name and no text holds characters that turn the direction of writing; the field is named."""

import pytest
from django import forms
from rest_framework.exceptions import ValidationError

from api.fields import check_text
from billing.customers import rules as customers
from billing.invoices import rules as invoices
from core import characters
from core.errors import Invalid
from web.kit.forms import Form

REFUSED = [chr(code) for code in (0, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]


class Named(Form):
    """A form of one text."""

    name = forms.CharField(strip=False)


@pytest.mark.parametrize("char", REFUSED, ids=[f"U+{ord(char):04X}" for char in REFUSED])
def test_every_door_refuses_it_and_names_the_field(char: str) -> None:
    text = f"Ada {char}Lovelace"
    with pytest.raises(characters.CharacterRefused) as refused:
        characters.refuse({"note": "plain", "name": text})
    assert (refused.value.field, str(refused.value)) == (
        "name",
        "name holds a character that cannot be kept.",
    )
    with pytest.raises(Invalid) as invalid:
        customers.check({"name": text, "address": {"city": text}, "metadata": {"key": text}})
    assert [(error.pointer, error.code) for error in invalid.value.errors] == [
        ("/name", "invalid_character"),
        ("/address/city", "invalid_character"),
        ("/metadata/key", "invalid_character"),
    ]
    (error,) = invoices.text_errors("/note", text, 100)
    assert (error.pointer, error.code) == ("/note", "invalid_character")
    with pytest.raises(ValidationError) as fault:
        check_text(text, limit=100)
    assert [detail.code for detail in fault.value.detail] == ["invalid_character"]
    form = Named({"name": text})
    assert form.is_valid() is False
    assert list(form.errors) == ["name"]


@pytest.mark.parametrize(
    "text", ["שלום Ada", "مرحبا", "e\u0301", "family \U0001f469\u200d\U0001f467", "a\u200fb"]
)
def test_other_scripts_are_kept(text: str) -> None:
    characters.refuse({"name": text})
    assert characters.are_kept(text)
    assert check_text(text, limit=100) == text
    assert Named({"name": text}).is_valid()
