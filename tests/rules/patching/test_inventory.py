"""What an inventory needs to know besides what is installed, and that an image carries it."""

from pathlib import Path

import pytest

from patching.inventory import debian, licences

HOME = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("needed", ["pyproject.toml", "requirements", "static", "billing", "patching"])
def test_an_image_carries_what_the_inventory_reads(needed: str) -> None:
    assert f"!{needed}" in (HOME / ".dockerignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("source", "version", "found"),
    [
        ("openssl", "3.0.17-1~deb12u2", ("Debian:12", "openssl", "3.0.17-1~deb12u2")),
        ("postgresql-18", "18.6-1.pgdg13+1", ("Bitnami", "postgresql", "18.6")),
        ("postgresql-15", "15.14-0+deb12u1", ("Debian:12", "postgresql-15", "15.14-0+deb12u1")),
        ("postgresql-common", "283.pgdg13+1", ("Debian:12", "postgresql-common", "283.pgdg13+1")),
    ],
)
def test_a_package_is_looked_for_where_somebody_writes_about_it(
    source: str, version: str, found: tuple[str, str, str]
) -> None:
    assert debian.whose("Debian:12", source, version) == found


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("License: GPL-2+\n text\nLicense: Expat\n", "GPL-2.0-or-later AND MIT"),
        ("On Debian systems see /usr/share/common-licenses/LGPL-2.1.", "LGPL-2.1-only"),
        ("Permission is hereby granted, free of charge, to any person", "MIT"),
        ("License: weird and wonderful (c)\n", "LicenseRef-weird AND LicenseRef-wonderful-c"),
        ("nothing at all", ""),
    ],
)
def test_a_copyright_file_says_its_licences(text: str, licence: str) -> None:
    assert licences.of_copyright(text) == licence
    assert not licence or licences.is_expression(licence)


def test_what_a_distribution_says_of_its_licence() -> None:
    say = licences.of_distribution
    assert say("a", expression="mit or apache-2.0", licence="", classifiers=[]) == "MIT OR Apache-2.0"
    osi = "License :: OSI Approved :: BSD License"
    assert say("a", expression="", licence="", classifiers=[osi]) == "BSD-3-Clause"
    assert say("a", expression="", licence="Apache 2.0\nand more", classifiers=[]) == "Apache-2.0"
    assert say("saxonche", expression="", licence="", classifiers=[]) == "MPL-2.0"
    assert say("a", expression="", licence="", classifiers=[]) == ""
