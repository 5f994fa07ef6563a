"""Colour and layout: what cannot be read is refused with what could be; what is set stands on every document."""

from dataclasses import replace

import pytest

from audit.models import Event
from billing.documents import look, papers, pdf, sample
from billing.invoices import queries
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from tenancy import context
from tests.make import billing as make


def test_a_colour_is_kept_when_it_can_be_read_and_refused_with_one_that_can(in_a):
    issuers.set_issuer(name="Nordwind", actor=make.ACTOR, at=make.AT)
    for accent, layout, field in (
        ("#ffcc00", "classic", "accent"),
        ("red", "classic", "accent"),
        ("#2440b0", "wide", "layout"),
    ):
        with pytest.raises((look.AccentUnreadable, look.UnknownLayout)) as refused, context.attempt():
            look.set_look(accent=accent, layout=layout, actor=make.ACTOR, at=make.AT)
        assert refused.value.field == field
    assert look.current() == pdf.Look()
    assert not Event.objects.filter(event="issuer.look_set").exists()
    with pytest.raises(look.AccentUnreadable, match=r"1\.40 to 1") as pale:
        look.read(accent="#ffcc00", layout="classic")
    offered = look.darker("#ffcc00")
    assert offered in pale.value.message
    look.set_look(accent=offered.upper(), layout="compact", actor=make.ACTOR, at=make.AT)
    look.set_look(accent=offered, layout="compact", actor=make.ACTOR, at=make.AT)
    chosen = pdf.Look(accent=offered, layout=pdf.Layout.COMPACT)
    assert look.current() == chosen
    assert Event.objects.filter(event="issuer.look_set").count() == 1
    paper = papers.document_of(queries.get(make.finalized().pk), at=make.AT)
    assert paper.look == chosen
    assert pdf.version(paper) != pdf.version(replace(paper, look=pdf.Look()))
    # The sample is what it would be, down to its sums, and of no series.
    seen = sample.sample(chosen, language="de", at=make.AT)
    assert seen.total_minor == seen.subtotal_minor + sum(tax.tax_minor for tax in seen.taxes)
    assert sample.picture(seen).startswith(b"\x89PNG")


def test_every_colour_that_is_offered_can_be_read():
    # 21 to 1 is black on white; ours is a little less white.
    assert look.contrast("#000000") == 1956
    for colour in ("#ffffff", "#ffcc00", "#00ff00", "#7f7f7f", "#ff0000", "#0000ff", "#123456"):
        offered = look.darker(colour)
        assert look.contrast(offered) >= look.LEAST_CONTRAST
        assert look.read(accent=offered, layout="classic").accent == offered
    assert look.darker("#123456") == "#123456"
    assert Issuer._meta.get_field("layout").default == pdf.Look().layout.value
