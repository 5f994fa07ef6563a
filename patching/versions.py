"""Which of two versions is the later one, as each world counts them. Pure."""

import functools
import re
from collections.abc import Callable
from itertools import zip_longest

from packaging.version import InvalidVersion, Version

# OSV's word for "from the very beginning".
BEGINNING = "0"
_SEMVER = re.compile(
    r"v?(?P<numbers>\d+(?:\.\d+)*)(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_DEBIAN = re.compile(
    r"(?:(?P<epoch>\d+):)?(?P<upstream>[0-9A-Za-z.+:~-]+?)(?:-(?P<revision>[0-9A-Za-z.+~]+))?"
)
# Longer than any version; a comparison of what is longer would be work for an attacker's sake.
_LONGEST = 200


class Incomparable(ValueError):
    """This is no version of that world."""


def compare(ecosystem: str, left: str, right: str) -> int:
    """Return -1, 0 or 1, as `left` is before, the same as or behind `right`.

    Raises:
        Incomparable: one of them is no version there.
    """
    if max(len(left), len(right)) > _LONGEST:
        raise Incomparable("too long")
    return _WORLDS.get(family(ecosystem), _semver)(left, right)


def family(ecosystem: str) -> str:
    """Return an ecosystem without its release: "Debian:12" counts as Debian does."""
    return ecosystem.partition(":")[0]


def key(ecosystem: str) -> Callable[[str], object]:
    """Return a sort key for versions of an ecosystem."""
    return functools.cmp_to_key(lambda left, right: compare(ecosystem, left, right))


def _sign(left: object, right: object) -> int:
    return int(left > right) - int(left < right)  # type: ignore[operator]  # two of a kind, always


def _python(left: str, right: str) -> int:
    try:
        return _sign(Version(left), Version(right))
    except InvalidVersion as error:
        raise Incomparable(str(error)) from error


def _semver(left: str, right: str) -> int:
    return _sign(_semver_key(left), _semver_key(right))


def _semver_key(text: str) -> tuple[object, ...]:
    """Order as SemVer 2.0.0, section 11, with as many numbers as somebody wrote."""
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise Incomparable(text)
    numbers = [int(part) for part in found["numbers"].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    before = found["before"]
    if before is None:
        return (tuple(numbers), 1, ())
    parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in before.split("."))
    return (tuple(numbers), 0, parts)


def _debian(left: str, right: str) -> int:
    """Order as Debian Policy, 5.6.12: epoch, then what the makers count, then Debian's own count."""
    one, other = (_DEBIAN.fullmatch(text) for text in (left, right))
    if one is None or other is None:
        raise Incomparable(left if one is None else right)
    return (
        _sign(int(one["epoch"] or 0), int(other["epoch"] or 0))
        or _debian_part(one["upstream"], other["upstream"])
        or _debian_part(one["revision"] or "0", other["revision"] or "0")
    )


def _debian_part(left: str, right: str) -> int:
    for (letters, digits), (others, numbers) in zip_longest(
        re.findall(r"(\D*)(\d*)", left), re.findall(r"(\D*)(\d*)", right), fillvalue=("", "")
    ):
        differs = _debian_letters(letters, others) or _sign(int(digits or 0), int(numbers or 0))
        if differs:
            return differs
    return 0


def _debian_letters(left: str, right: str) -> int:
    """A tilde is before even the end; letters are before everything else."""
    for one, other in zip_longest(map(_weight, left), map(_weight, right), fillvalue=0):
        if one != other:
            return _sign(one, other)
    return 0


def _weight(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


_WORLDS: dict[str, Callable[[str, str], int]] = {"PyPI": _python, "Debian": _debian}
