"""Which passwords are known to attackers: the lists, loaded once a process.

Promise kept: no network is asked. The base is Django's list; an operator adds a larger one as a text file,
one password a line, named by `settings.BREACHED_PASSWORDS_FILE`.
"""

import functools
import gzip
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.contrib.auth import password_validation

from accounts import rules

PRODUCT_WORDS = ("strongbox",)


@functools.cache
def common() -> frozenset[str]:
    """Return the passwords that attackers try first, case folded."""
    shipped = Path(password_validation.__file__).resolve().with_name("common-passwords.txt.gz")
    with gzip.open(shipped, "rt", encoding="utf-8") as lines:
        known = {line.strip().casefold() for line in lines}
    extra = getattr(settings, "BREACHED_PASSWORDS_FILE", None)
    if extra:
        with Path(extra).open(encoding="utf-8", errors="replace") as lines:
            known.update(line.strip().casefold() for line in lines)
    return frozenset(known - {""})


def accept(raw: str, *, context: Iterable[str]) -> str:
    """Return a new password in the form to be hashed, or refuse it. `context`: e-mail, name, organization.

    Raises:
        rules.PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    return rules.check_password(raw, context=[*PRODUCT_WORDS, *context], common=common())
