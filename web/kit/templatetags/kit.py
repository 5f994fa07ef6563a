"""The tags pages are written with. All they print is escaped; no page marks anything safe by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Textarea
from django.http import QueryDict
from django.template import Context
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from web.kit import cells, formats, icons, navigation, parts, undo
from web.kit.status import status

register = template.Library()


class Drawing(Protocol):
    """A chart: geometry, and the template that draws it."""

    template: str


def _render(name: str, **context: object) -> SafeString:
    return render_to_string(f"kit/{name}.html", context)


# --- writing values --------------------------------------------------------------------------------------


register.filter("money", formats.money)  # {{ total_minor|money:currency }}
register.filter("amount", formats.amount)  # the same without the currency, where the column head names it
register.filter("number", formats.number)
register.filter("percent", formats.percent)
register.filter("ago", formats.relative)  # {{ at|ago:now }}, only ever beside the absolute time
register.filter("duration", formats.duration)
register.filter("size", formats.size)
register.filter("initials", formats.initials)
register.filter("way_back", undo.offered)
register.filter("cell", cells.show)


@register.filter
def count(value: int, noun: str) -> str:
    """Write a count with its noun, `"invoice"` or `"entry,entries"`."""
    singular, _, plural = noun.partition(",")
    return formats.count(value, singular, plural)


@register.filter
def day(value: date | datetime | None) -> str:
    """Write a date in words; nothing for no date."""
    return formats.day(value) if value else ""


@register.simple_tag
def moment(at: datetime | None, *, utc: bool = False) -> SafeString | str:
    """Print a time in the reader's zone with UTC in its title, or the other way round for the audit trail."""
    if at is None:
        return ""
    local, world = formats.moment(at), formats.moment_utc(at)
    shown, title = (world, local) if utc else (local, world)
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, shown)


@register.simple_tag(name="money")
def money_tag(amount_minor: int, currency: str, *, strong: bool = False) -> SafeString:
    """Print an amount with its currency in tabular figures."""
    mark = SafeString(" data-strong") if strong else ""
    return format_html('<span class="money"{}>{}</span>', mark, formats.money(amount_minor, currency))


@register.simple_tag
def identifier(value: str, *, keep: int = 14) -> SafeString:
    """Print an identifier shortened in its middle, with its whole value to copy."""
    return _render("identifier", value=value, shown=formats.middle(value, keep))


@register.inclusion_tag("kit/languages.html", takes_context=True)
def languages(context: Context) -> dict[str, object]:
    """Print a page's address in each language; nothing where it is the answer to a form and cannot be gone to."""
    return {"languages": navigation.languages(context.get("request"))}


# --- signs -----------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the set; it says nothing to a screen reader, the word beside it does."""
    return format_html(
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>', icons.ICONS[name]
    )


@register.inclusion_tag("kit/status_tag.html")
def status_tag(kind: str, value: str) -> dict[str, object]:
    """Show a state as shape, word and tint, from the one map in web/kit/status.py."""
    return {"status": status(kind, value)}


@register.inclusion_tag("kit/shape.html")
def shape(name: str) -> dict[str, str]:
    """Draw one of the four status shapes."""
    return {"name": name}


@register.inclusion_tag("kit/integrity.html")
def integrity(state: str, text: str, *, url: str = "") -> dict[str, object]:
    """Show whether the audit trail is whole: verified, checking, stale, gap or broken."""
    return {"status": status("integrity", state), "state": state, "text": text, "url": url}


# --- doing something -------------------------------------------------------------------------------------


@register.inclusion_tag("kit/button.html")
def button(
    label: str,
    *,
    kind: str = "secondary",
    href: str = "",
    icon: str = "",
    size: str = "",
    type: str = "submit",
    name: str = "",
    value: str = "",
    form: str = "",
    busy: str = "",
    dialog: str = "",
    reason: str = "",
    key: str = "",
) -> dict[str, object]:
    """Print a button, or a link that looks like one; `reason` switches it off and says why, `key` presses it."""
    return dict(locals())


@register.inclusion_tag("kit/copy.html")
def copy(*, text: str = "", source: str = "", label: str = "Copy") -> dict[str, str]:
    """Print a copy button for a text or for the element with the id `source`."""
    return {"text": text, "source": source, "label": label}


@register.simple_tag(takes_context=True)
def hx(context: Context) -> SafeString:
    """Print the nonce without which htmx ignores an element: markup that an attacker brought in has none."""
    nonce = getattr(context.get("request"), "csp_nonce", "")
    return format_html('hx-nonce="{}"', nonce) if nonce else SafeString()


@register.simple_block_tag
def menu(
    content: SafeString, label: str, *, icon: str = "", align: str = "start", kind: str = "secondary"
) -> SafeString:
    """Wrap links and buttons in a menu that opens from a button."""
    return _render("menu", content=content, label=label, icon=icon, align=align, kind=kind)


@register.simple_block_tag
def dialog(content: SafeString, id: str, title: str) -> SafeString:
    """Wrap a form in a dialog; its opener is `{% button … href=page dialog=id %}`."""
    return _render("dialog", content=content, id=id, title=title)


# --- forms -----------------------------------------------------------------------------------------------


def _kind_of(bound: BoundField) -> str:
    widget = bound.field.widget
    if bound.is_hidden:
        return "hidden"
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "group"
    if isinstance(widget, CheckboxInput):
        return "choice"
    return "text" if isinstance(widget, Textarea) else "input"


@register.inclusion_tag("kit/field.html")
def field(
    bound: BoundField,
    *,
    kind: str = "",
    width: str = "",
    prefix: str = "",
    suffix: str = "",
    grow: bool = False,
    quiet: bool = False,
    bare: bool = False,
) -> dict[str, object]:
    """Print a form field with its label, hint and error; `quiet` leaves "optional" out, as in filters.

    `bare` leaves the label to screen readers, in a row whose columns are named above it.
    """
    shape = _kind_of(bound)
    described = [f"{bound.auto_id}_hint"] if bound.help_text else []
    described += [f"{bound.auto_id}_error"] if bound.errors else []
    attrs: dict[str, str | bool] = {} if shape in ("choice", "group", "hidden") else {"class": "input"}
    if described and shape != "group":
        attrs["aria-describedby"] = " ".join(described)
    if kind == "amount":
        attrs["inputmode"] = "decimal"
    if kind == "code":
        attrs |= {"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"}
    return {
        "bound": bound,
        "shape": shape,
        "control": bound.as_widget(attrs=attrs) if shape != "group" else "",
        "options": list(bound) if shape == "group" else [],
        "described": " ".join(described),
        "kind": kind,
        "width": width,
        "prefix": prefix,
        "suffix": suffix,
        "grow": grow,
        "bare": bare,
        "optional": not bound.field.required and not quiet and not bare and shape in ("input", "text"),
    }


@register.inclusion_tag("kit/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, object]:
    """Print every fault of a form with a link to its field; nothing when there is none."""
    faults = [("", fault) for fault in form.non_field_errors()]
    for bound in form:
        faults += [(bound.auto_id, fault) for fault in bound.errors]
    return {"faults": faults}


# --- tables ----------------------------------------------------------------------------------------------


@register.simple_block_tag
def table(
    content: SafeString,
    caption: str,
    *,
    note: str = "",
    dense: bool = False,
    sticky: bool = False,
    rows_open: bool = False,
    hide_caption: bool = False,
    folds: bool = False,
    picks: bool = False,
    of: str = "",
) -> SafeString:
    """Wrap rows in a named table; `of` tells it from others of its name, one that `folds` is a list on phones."""
    return _render("table", **locals())


@register.simple_block_tag
def step(content: SafeString) -> SafeString:
    """Wrap a step in a form, unless no button sends it."""
    sends = 'type="submit"' in content
    return _render("step", **locals())


def _sorted_by(query: QueryDict, order: str) -> str:
    changed = query.copy()
    changed["sort"] = order
    changed.pop("cursor", None)
    return "?" + changed.urlencode()


@register.inclusion_tag("kit/column.html", takes_context=True)
def column(
    context: Context,
    label: str,
    *,
    sort: str = "",
    numeric: bool = False,
    extra: bool = False,
    unseen: bool = False,
) -> dict[str, object]:
    """Print a column head; with `sort` a link that keeps every filter. `extra` columns leave on phones."""
    request = context.get("request")
    query = request.GET if request else QueryDict()
    current = query.get("sort", "")
    order = {sort: "ascending", f"-{sort}": "descending"}.get(current, "") if sort else ""
    return {
        "label": label,
        "sorted": order,
        "url": _sorted_by(query, f"-{sort}" if current == sort else sort) if sort else "",
        "classes": " ".join(word for word, on in (("numeric", numeric), ("extra", extra)) if on),
        "unseen": unseen,
    }


@register.inclusion_tag("kit/pagination.html")
def pagination(page: parts.CursorPage, noun: str = "row") -> dict[str, object]:
    """Print where the page of a list stands, with links to the next and the previous one."""
    return {"page": page, "noun": noun}


@register.inclusion_tag("kit/chips.html")
def chips(filters: Sequence[parts.Chip], *, clear_url: str) -> dict[str, object]:
    """Print the filters in use, each with a way to drop it."""
    return {"filters": filters, "clear_url": clear_url}


@register.inclusion_tag("kit/tabs.html")
def tabs(items: Sequence[parts.Tab], *, label: str) -> dict[str, object]:
    """Print the views of a list or the sides of a record."""
    return {"items": items, "label": label}


@register.simple_block_tag(takes_context=True)
def filters(
    context: Context, content: SafeString, *, label: str = "Filter", target: str = "", action: str = ""
) -> SafeString:
    """Wrap fields in a form whose state is the address; with `target` (an id) only that is swapped."""
    return _render("filters", **locals() | {"request": context.get("request")})


# --- showing ---------------------------------------------------------------------------------------------


@register.simple_block_tag
def callout(content: SafeString, kind: str, title: str = "") -> SafeString:
    """Wrap a remark in a tinted box: info, ok, warn or bad."""
    sign = {"info": "info", "ok": "check", "warn": "warning", "bad": "wrong", "person": "person"}[kind]
    return _render("callout", content=content, kind=kind, title=title, sign=sign)


@register.simple_block_tag
def empty(content: SafeString, title: str, *, icon: str = "search") -> SafeString:
    """Say why nothing is here and what to do next; actions stand in an element of class "actions"."""
    return _render("empty", content=content, title=title, icon=icon)


@register.simple_block_tag
def facts(content: SafeString) -> SafeString:
    """Wrap `{% fact %}` blocks in a definition list."""
    return format_html('<dl class="facts">{}</dl>', content)


@register.simple_block_tag
def fact(content: SafeString, label: str, *, numeric: bool = False) -> SafeString:
    """Print one fact: a label and what is so."""
    mark = SafeString(" data-numeric") if numeric else ""
    return format_html('<div class="fact"><dt>{}</dt><dd{}>{}</dd></div>', label, mark, content)


@register.simple_block_tag
def section(
    content: SafeString, title: str, *, note: str = "", sheet: bool = False, id: str = ""
) -> SafeString:
    """Wrap content in a section with a heading; `sheet` sets it on paper."""
    return _render("section", **locals())


@register.inclusion_tag("kit/timeline.html")
def timeline(entries: Sequence[parts.Entry], *, label: str) -> dict[str, object]:
    """Print what happened, newest first as given."""
    return {"entries": entries, "label": label}


@register.inclusion_tag("kit/secret.html")
def secret(value: str, *, label: str, note: str = "") -> dict[str, str]:
    """Show a secret once, with a copy button and the sentence that it will not be shown again."""
    return {"value": value, "label": label, "note": note, "id": "secret-" + "-".join(label.lower().split())}


@register.inclusion_tag("kit/progress.html")
def progress(done: int, total: int, *, label: str, note: str = "") -> dict[str, object]:
    """Print how far long work has come, in numbers and as a bar."""
    return {"done": done, "total": total, "label": label, "note": note}


@register.inclusion_tag("kit/tile.html")
def tile(
    label: str,
    figure: str,
    *,
    hint: str = "",
    tint: str = "",
    url: str = "",
    kind: str = "",
    state: str = "",
    value: int | None = None,
) -> dict[str, object]:
    """Print one figure, in an element of class "tiles"; `value` is what the rows behind `url` come to."""
    return dict(locals())


@register.simple_tag
def chart(drawing: Drawing) -> SafeString:
    """Draw a chart of web/charts with its table."""
    return render_to_string(drawing.template, {"chart": drawing})


@register.simple_tag
def lines(items: Sequence[str]) -> SafeString:
    """Print short lines one under the other, as an address is written."""
    return format_html_join(SafeString("<br>"), "{}", ((item,) for item in items if item))
