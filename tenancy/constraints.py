"""Which rule of the database a write broke, so that of two who did the same at once the second is told by name."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from core.errors import Refusal
from tenancy import context


def violated(error: IntegrityError) -> str:
    """Return the name of the constraint a write broke; nothing when the database named none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "constraint_name", None) or "")


@contextmanager
def refusing(refusal: Refusal, *constraints: str) -> Iterator[None]:
    """Write inside a savepoint; breaking one of these constraints is this refusal, any other stays an error."""
    try:
        with context.attempt():
            yield
    except IntegrityError as error:
        if violated(error) not in constraints:
            raise
        raise refusal from None
