"""What documents need beyond who bills: their language, the logo, and what electronic invoices ask for."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing import events
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import sample as samples
from billing.documents.pdf import Look
from billing.documents.pdf.language import LANGUAGES
from billing.issuer import queries, services
from core import clock
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy.context import attempt
from web.billing.forms import scheme_choices
from web.forms import answer, attempting
from web.kit.forms import Form

_P = Permission.ORGANIZATION_WRITE
_PLAIN = {"autocomplete": "off"}
_FIELDS = ("language", "contact_name", "endpoint_id", "endpoint_scheme", "registration")


class DocumentsForm(Form):
    """What stands on documents, and in the XML of electronic invoices."""

    language = forms.ChoiceField(
        label="Language of documents",
        choices=list(LANGUAGES.items()),
        help_text="For customers who have not chosen one.",
    )
    contact_name = forms.CharField(
        label="Contact",
        required=False,
        max_length=100,
        help_text="A name or a department. XRechnung wants one, with your phone number and e-mail address.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    endpoint_scheme = forms.ChoiceField(
        label="Kind of electronic address", required=False, choices=scheme_choices
    )
    endpoint_id = forms.CharField(
        label="Electronic address",
        required=False,
        max_length=100,
        help_text="Where electronic mail for you arrives, such as a Peppol id. Empty: your e-mail address.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    registration = forms.CharField(
        label="Register number",
        required=False,
        max_length=100,
        help_text="Of the company register, such as HRB 12345.",
        widget=forms.TextInput(attrs=_PLAIN),
    )


class LookForm(Form):
    """How every document looks."""

    accent = forms.CharField(
        label="Colour",
        max_length=7,
        help_text="Of rules, links and the block with the ways to pay. It must be readable on white paper.",
        widget=forms.TextInput(attrs={"type": "color", **_PLAIN}),
    )
    layout = forms.ChoiceField(
        label="Layout",
        choices=[
            ("classic", "Classic: room around everything"),
            ("compact", "Compact: a third more lines on a page"),
        ],
        widget=forms.RadioSelect,
    )


class LogoForm(Form):
    """The picture at the head of every document."""

    logo = forms.FileField(
        label="Logo",
        help_text="PNG or JPEG, at most 256 KB and 2,000 dots on each side. It is kept encrypted.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
    )


@access(get=_P, post=_P)
def index(request: Request, slug: str) -> HttpResponse:
    """Show and change what documents need."""
    found = queries.get()
    initial = {name: getattr(found, name) for name in _FIELDS} if found else {"language": "en"}
    form = DocumentsForm(request.POST if request.method == "POST" else None, initial=initial)
    recording.read(request, events.ISSUER_READ)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            if found is None:
                raise services.IssuerMissing
            given: dict[str, Any] = {name: form.cleaned_data[name] for name in _FIELDS}
            services.set_issuer(name=found.name, actor=request.actor, at=clock.now(), **given)
        if not form.errors:
            messages.success(request, "Saved. Documents made from now on carry it.")
            return redirect("billing:document_settings", slug)
    return _page(request, slug, form=form)


@access(post=_P)
def look(request: Request, slug: str) -> HttpResponse:
    """Show how documents would look, or have them look so from now on."""
    form = LookForm(request.POST)
    recording.read(request, events.ISSUER_READ)
    seen = looks.current()
    if form.is_valid():
        with attempting(request, form):
            seen = looks.read(**form.cleaned_data)
            if request.POST.get("action") == "save":
                looks.set_look(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors and request.POST.get("action") == "save":
            messages.success(request, "Saved. Documents made from now on look like this.")
            return redirect("billing:document_settings", slug)
    if request.headers.get("HX-Request"):
        # The answer to each change: the fault of a colour, or the picture; the fields stay as they are.
        context = {"look_form": form, "preview_url": _preview_url(slug, seen)}
        return render(request, "billing/_look_preview.html", context)
    return _page(request, slug, look_form=form, seen=seen)


@access(get=_P)
def preview(request: Request, slug: str) -> HttpResponseBase:
    """Draw an invoice to nobody in a colour and a layout; nothing is kept."""
    kept = looks.current()
    chosen = looks.read(
        accent=request.GET.get("accent", kept.accent), layout=request.GET.get("layout", kept.layout.value)
    )
    found = queries.get()
    language = found.language if found is not None else "en"
    document = samples.sample(chosen, language=language, at=clock.now())
    recording.read(request, events.ISSUER_READ)

    def draw() -> HttpResponse:
        return HttpResponse(
            samples.picture(document), content_type="image/png", headers={"Cache-Control": "no-store"}
        )

    request.afterwards = draw
    return HttpResponse()


def _page(
    request: Request,
    slug: str,
    *,
    form: DocumentsForm | None = None,
    look_form: LookForm | None = None,
    seen: Look | None = None,
) -> HttpResponse:
    found, current = queries.get(), looks.current()
    initial = {name: getattr(found, name) for name in _FIELDS} if found else {"language": "en"}
    shown = {"accent": current.accent, "layout": current.layout.value}
    context = {
        "logo_form": LogoForm(),
        "has_logo": found is not None and found.logo_id is not None,
        "look_form": look_form or LookForm(initial=shown),
        "preview_url": _preview_url(slug, seen or current),
    }
    details = form or DocumentsForm(initial=initial)
    faulty = look_form if look_form is not None and look_form.errors else details
    return answer(request, "billing/document_settings.html", {**context, "details": details}, form=faulty)


def _preview_url(slug: str, seen: Look) -> str:
    asked = urlencode({"accent": seen.accent, "layout": seen.layout.value})
    return f"{reverse('billing:document_preview', args=[slug])}?{asked}"


@access(post=_P)
def logo(request: Request, slug: str) -> HttpResponse:
    """Set the logo, or remove it."""
    back = redirect("billing:document_settings", slug)
    if request.POST.get("action") == "remove":
        logos.remove_logo(actor=request.actor, at=clock.now())
        messages.success(request, "Documents are made without a logo from now on.")
        return back
    form = LogoForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose a picture first.")
        return back
    file: UploadedFile[bytes] = form.cleaned_data["logo"]
    try:
        with attempt():
            content = file.read(logos.MOST_BYTES + 1)
            logos.set_logo(content=content, actor=request.actor, at=clock.now())
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "Saved. Documents made from now on carry the logo.")
    return back
