"""Fill the demo: two organizations, people of every role, customers, 200 invoices each."""

from typing import Any

from config.embedded import demo
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Fills the demo once."""

    help = "Fill the demo: two organizations, people of every role, customers, 200 invoices each."

    def run(self, **options: Any) -> dict[str, Any]:
        """Fill what is missing."""
        return {"organizations": demo.seed(self.say)}
