"""How a customer's details are written and found: one spelling to search by, and limits."""

import re
import unicodedata
from collections.abc import Mapping

from core import cardnumbers, characters, money
from core.errors import FieldError, Invalid

ADDRESS_FIELDS = ("line1", "line2", "line3", "city", "postal_code", "region", "country")
_LIMITS = {
    "name": 200,
    "email": 254,
    "phone": 40,
    "tax_id": 40,
    "tax_number": 40,
    "reference": 80,
    "tax_exemption": 400,
    "notes": 5_000,
    "endpoint_id": 100,
    "buyer_reference": 80,
    "contact_name": 100,
    "registration": 100,
}
EINVOICE_FORMATS = ("none", "facturx", "xrechnung", "ubl", "cii")
_ADDRESS_LIMIT = 200
LANGUAGES = ("de", "en")
LONGEST_TERMS = 365
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
# Deliberately loose (RFC 5321 allows far more than any pattern): one @, something on both sides, no spaces.
_EMAIL = re.compile(r"[^@\s<>()\[\],;:\"\\]+@[^@\s<>()\[\],;:\"\\.]+(\.[^@\s<>()\[\],;:\"\\.]+)+\Z")
# The Electronic Address Scheme list of EN 16931 (BR-CL-25), such as 0088 (GLN), 0204 (Leitweg-ID) and EM (e-mail).
_EAS = (
    "0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 "
    "0190 0191 0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 "
    "0215 0216 0217 0218 0219 0220 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 "
    "9919 9920 9922 9923 9924 9925 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 "
    "9941 9942 9943 9944 9945 9946 9947 9948 9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM "
)
ENDPOINT_SCHEMES = tuple(_EAS.split())
_COUNTRY = re.compile(r"[A-Z]{2}\Z", re.ASCII)


def normalize_email(value: str) -> str:
    """Return the spelling by which an e-mail address is found."""
    return unicodedata.normalize("NFKC", value).strip().casefold()


def normalize_tax_id(value: str) -> str:
    """Return the spelling by which a tax id is found: letters and digits, nothing else."""
    return "".join(char for char in unicodedata.normalize("NFKC", value).upper() if char.isalnum())


def normalize_name(value: str) -> str:
    """Return the spelling by which a name is found: case, width and spacing do not matter."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def normalize_reference(value: str) -> str:
    """Return the spelling by which a customer's own number is found."""
    return unicodedata.normalize("NFKC", value).strip().casefold()


def is_email(value: str) -> bool:
    """Tell whether a text can be an e-mail address."""
    return len(value) <= _LIMITS["email"] and _EMAIL.match(value) is not None


def check(values: Mapping[str, object]) -> None:
    """Let a customer's values pass, or name every field that cannot be used.

    Raises:
        Invalid: every fault, field by field.
    """
    errors = [*_texts(values), *_address(values.get("address")), *_metadata(values.get("metadata"))]
    errors += [*_address(values.get("delivery_address"), "delivery_address"), *_terms(values)]
    email = values.get("email")
    if isinstance(email, str) and email and not _EMAIL.match(email):
        errors.append(FieldError("/email", "invalid_email", "This is not an e-mail address."))
    currency = values.get("currency")
    if currency is not None and currency not in money.EXPONENTS:
        errors.append(FieldError("/currency", "unknown_currency", "This is not an ISO 4217 currency in use."))
    errors += _einvoice(values)
    if errors:
        raise Invalid(errors)


def _einvoice(values: Mapping[str, object]) -> list[FieldError]:
    errors: list[FieldError] = []
    form, scheme = values.get("einvoice_format"), values.get("endpoint_scheme")
    if form is not None and form not in EINVOICE_FORMATS:
        sentence = f"A customer gets one of {', '.join(EINVOICE_FORMATS)}."
        errors.append(FieldError("/einvoice_format", "unknown_format", sentence))
    if scheme and scheme not in ENDPOINT_SCHEMES:
        sentence = "A scheme is one of the EAS list, such as 0204 or EM."
        errors.append(FieldError("/endpoint_scheme", "invalid_scheme", sentence))
    if values.get("endpoint_id") and "endpoint_scheme" in values and not scheme:
        sentence = "Say what kind of electronic address this is."
        errors.append(FieldError("/endpoint_scheme", "required", sentence))
    return errors


def _texts(values: Mapping[str, object]) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in values and not str(values["name"] or "").strip():
        errors.append(FieldError("/name", "required", "A customer needs a name."))
    for field, limit in _LIMITS.items():
        text = values.get(field)
        if text is None:
            continue
        if not isinstance(text, str):
            errors.append(FieldError(f"/{field}", "not_text", "This must be text."))
        else:
            errors.extend(_text(f"/{field}", text, limit))
    return errors


def _text(pointer: str, text: str, limit: int) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(text) > limit:
        errors.append(FieldError(pointer, "too_long", f"This may have {limit} characters."))
    if not characters.are_kept(text):
        errors.append(FieldError(pointer, characters.CODE, characters.SENTENCE))
    if cardnumbers.contains_card_number(text):
        sentence = "This holds what looks like a card number. Nothing was stored; remove it."
        errors.append(FieldError(pointer, "card_number", sentence))
    return errors


def _terms(values: Mapping[str, object]) -> list[FieldError]:
    errors: list[FieldError] = []
    days, language = values.get("payment_days"), values.get("language")
    if days is not None and (
        isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= LONGEST_TERMS
    ):
        sentence = f"Days to pay are a whole number from 0 to {LONGEST_TERMS}."
        errors.append(FieldError("/payment_days", "out_of_range", sentence))
    if language and language not in LANGUAGES:
        errors.append(
            FieldError("/language", "unknown_language", "Documents are in German (de) or English (en).")
        )
    return errors


def _address(address: object, name: str = "address") -> list[FieldError]:
    if address is None:
        return []
    if not isinstance(address, Mapping):
        return [FieldError(f"/{name}", "not_an_object", "An address is an object.")]
    errors: list[FieldError] = []
    for field, text in address.items():
        if field not in ADDRESS_FIELDS:
            errors.append(
                FieldError(f"/{name}", "unknown_field", f"An address has {', '.join(ADDRESS_FIELDS)}.")
            )
        elif not isinstance(text, str):
            errors.append(FieldError(f"/{name}/{field}", "not_text", "This must be text."))
        else:
            errors.extend(_text(f"/{name}/{field}", text, _ADDRESS_LIMIT))
    country = address.get("country")
    if isinstance(country, str) and country and not _COUNTRY.match(country):
        errors.append(
            FieldError(f"/{name}/country", "invalid_country", "A country is two letters (ISO 3166-1).")
        )
    return errors


def _metadata(metadata: object) -> list[FieldError]:
    if metadata is None:
        return []
    if not isinstance(metadata, Mapping) or len(metadata) > METADATA_KEYS:
        return [
            FieldError("/metadata", "invalid", f"Metadata is an object of at most {METADATA_KEYS} texts.")
        ]
    errors: list[FieldError] = []
    for key, text in metadata.items():
        if not isinstance(key, str) or not key or len(key) > METADATA_KEY_LENGTH or not isinstance(text, str):
            errors.append(FieldError("/metadata", "invalid", "Metadata maps short names to texts."))
            continue
        errors.extend(_text("/metadata", key, METADATA_KEY_LENGTH))
        errors.extend(_text(f"/metadata/{key}", text, METADATA_VALUE_LENGTH))
    return errors
