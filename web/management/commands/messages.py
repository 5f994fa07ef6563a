"""`manage.py messages`: takes every marked message into the translations and writes what the program reads."""

from typing import Any

from tenancy.commands import StrongboxCommand
from web import catalog


class Command(StrongboxCommand):
    """Fails while a message has no translation; needs no other program."""

    help = "Takes every marked message into locale/…/django.po and writes the .mo; fails while one is not translated."

    def run(self, **options: Any) -> dict[str, Any]:
        """Return how many messages there are and which have no translation."""
        missing: list[dict[str, str]] = []
        messages = 0
        for language in catalog.LANGUAGES:
            found, path = catalog.renewed(language), catalog.po_path(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(catalog.written(found))
            path.with_suffix(".mo").write_bytes(catalog.compiled(found))
            messages = len(found)
            missing += [
                {"language": language, "message": str(message.id)}
                for message in found
                if message.id and not all(texts_of(message.string))
            ]
        return {"messages": messages, "errors": missing}


def texts_of(string: object) -> tuple[str, ...]:
    """Return every form of a translation."""
    return tuple(string) if isinstance(string, list | tuple) else (str(string or ""),)
