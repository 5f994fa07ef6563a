"""Licences as SPDX writes them, as far as their makers said."""

import re
from collections.abc import Sequence
from functools import cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

# Said nowhere in the published package; read on its project's own pages.
_BY_HAND = {"saxonche": "MPL-2.0", "zxcvbn-rs-py": "MIT"}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.1-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_NAMES = {
    "3-clause bsd": "BSD-3-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "expat": "MIT",
    "isc license": "ISC",
    "lgpl": "LGPL-2.1-or-later",
    "mit license": "MIT",
    "modified bsd": "BSD-3-Clause",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "psf": "PSF-2.0",
    "public domain": "LicenseRef-public-domain",
}
# How Debian's copyright files name them (copyright format 1.0, 7.2).
_DEBIAN = {
    "artistic": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "expat": "MIT",
    "gfdl-1.3": "GFDL-1.3-only",
    "gfdl-1.3+": "GFDL-1.3-or-later",
    "gpl-1": "GPL-1.0-only",
    "gpl-1+": "GPL-1.0-or-later",
    "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later",
    "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later",
    "lgpl-2": "LGPL-2.0-only",
    "lgpl-2+": "LGPL-2.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later",
    "lgpl-3": "LGPL-3.0-only",
    "lgpl-3+": "LGPL-3.0-or-later",
    "public-domain": "LicenseRef-public-domain",
    "zlib": "Zlib",
}
_FIELD = re.compile(r"^License:[ \t]*(\S[^\n]*)$", re.MULTILINE)
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.-]+[A-Za-z0-9])")
_REFERENCE = re.compile(r"[^A-Za-z0-9.-]+")
_LONGEST = 240


def is_expression(text: str) -> bool:
    """Tell whether a text is an SPDX licence expression."""
    return _canonical(text) is not None


@cache
def _canonical(text: str) -> str | None:
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return None


def of_distribution(name: str, *, expression: str, licence: str, classifiers: Sequence[str]) -> str:
    """Return what a Python distribution says of its licence; empty where it says nothing."""
    if found := _canonical(expression) if expression else None:
        return found
    said = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith("License :: ")]
    known = [_CLASSIFIERS[text] for text in said if text in _CLASSIFIERS]
    if known:
        return " OR ".join(sorted(set(known)))
    first = licence.strip().splitlines()[0].strip() if licence.strip() else ""
    if first:
        return _NAMES.get(first.lower()) or _canonical(first) or first[:_LONGEST]
    return _BY_HAND.get(name, "")


def of_copyright(text: str) -> str:
    """Return what a Debian copyright file says: the licences it names, or those whose common texts it refers to."""
    named = [found.strip() for found in _FIELD.findall(text)]
    if not named:
        named = [found for found in _COMMON.findall(text) if found.lower() != "readme"]
    if not named:
        lowered = text.lower()
        if "permission is hereby granted, free of charge" in lowered:
            named = ["MIT"]
        elif "redistribution and use in source and binary forms" in lowered:
            named = ["BSD-3-Clause"]
        elif "public domain" in lowered:
            named = ["public-domain"]
    parts = dict.fromkeys(part for each in named for part in _parts(each))
    return _joined(list(parts))


def _parts(named: str) -> list[str]:
    words = re.split(r"\s+(?:and|or|with)\s+|[,/|]\s*", named, flags=re.IGNORECASE)
    found = []
    for word in words:
        plain = word.strip().lower()
        if not plain:
            continue
        spdx = _DEBIAN.get(plain) or _DEBIAN.get(plain.replace(".0", "")) or _canonical(word.strip())
        found.append(spdx or f"LicenseRef-{_REFERENCE.sub('-', word.strip()).strip('-.')[:60]}")
    return [part for part in found if part != "LicenseRef-"]


def _joined(parts: Sequence[str]) -> str:
    """Every licence that stands in a package applies to some of its files: all of them hold together."""
    kept: list[str] = []
    for part in parts:
        if len(" AND ".join([*kept, part])) > _LONGEST - len(" AND LicenseRef-others"):
            kept.append("LicenseRef-others")
            break
        kept.append(f"({part})" if " OR " in part and len(parts) > 1 else part)
    return " AND ".join(kept)
