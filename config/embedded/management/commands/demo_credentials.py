"""Print how the demo's people sign in now, and a fresh API key for each organization."""

import time
from typing import Any

from config.embedded import demo
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Prints sign-ins with their current codes; refused in production."""

    help = "Print the demo's sign-ins with current codes, and a fresh API key for each organization."

    def run(self, **options: Any) -> dict[str, Any]:
        """Collect them; each call mints fresh keys through the ordinary services."""
        demo.refuse_unless_demo()
        now = time.time()
        return {
            "users": [
                {
                    "email": entry.email,
                    "password": entry.password,
                    "totp": demo.totp(entry.totp_secret, now),
                    "role": entry.role,
                    "organization": entry.organization,
                }
                for entry in demo.read()
            ],
            "customers": [],
            "api_keys": [{"organization": slug, "key": demo.api_key(slug)} for slug in demo.ORGANIZATIONS],
            "pay_links": [],
        }

    def show(self, result: dict[str, Any]) -> None:
        """Print a line a person."""
        for user in result["users"]:
            self.stdout.write(
                f"{user['organization']:10} {user['role']:18} {user['email']:32} {user['password']}  {user['totp']}"
            )
        for key in result["api_keys"]:
            self.stdout.write(f"{key['organization']:10} API key            {key['key']}")
