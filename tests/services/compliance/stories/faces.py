"""How what browsers see is put in order, and broken."""

import json

from edge import headers
from tests.services.compliance.stories.told import Told, World, story
from web.pay import inventory


@story("configuration.headers")
class Headers(Told):
    commits = False

    def harm(self, world: World) -> None:
        loose = headers.CONTENT_SECURITY_POLICY.replace(
            "script-src 'self'", "script-src 'self' 'unsafe-inline'"
        )
        world.monkeypatch.setattr(headers, "CONTENT_SECURITY_POLICY", loose)


@story("cards.pay_page")
class PayPage(Told):
    commits = False

    def mend(self, world: World) -> None:
        """The list says what is served."""
        listed = world.folder / "reviewed.json"
        listed.write_text(
            json.dumps(
                {name: {"sha256": digest, "why": "needed"} for name, digest in inventory.served().items()}
            )
        )
        world.monkeypatch.setattr(inventory, "REVIEWED", listed)

    def harm(self, world: World) -> None:
        """A script of the page is another than was reviewed."""
        genuine = inventory._content

        def changed(name: str) -> bytes:
            return genuine(name) + (b"//x" if name.endswith(".js") else b"")

        world.monkeypatch.setattr(inventory, "_content", changed)


@story("access.addresses")
class Addresses(Told):
    commits = False

    def harm(self, world: World) -> None:
        from web.compliance import controls

        world.monkeypatch.delattr(controls.index, "access")
