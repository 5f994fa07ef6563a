"""Print how the demo's people sign in now, and fresh API keys and pay links."""

import time
from typing import Any

from config.embedded import demo
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Prints sign-ins with their current codes; refused in production."""

    help = "Print the demo's sign-ins with current codes, and fresh API keys and pay links."

    def run(self, **options: Any) -> dict[str, Any]:
        """Collect them; each call mints fresh keys through the ordinary services."""
        demo.refuse_unless_demo()
        people = [
            {
                "email": entry.email,
                "password": entry.password,
                "totp": demo.totp(entry.totp_secret, time.time()),
                "role": entry.role,
                "organization": entry.organization,
            }
            for entry in demo.read()
        ]
        return {
            "users": [person for person in people if person["role"] != demo.CUSTOMER],
            "customers": [
                {name: value for name, value in person.items() if name != "role"}
                for person in people
                if person["role"] == demo.CUSTOMER
            ],
            "api_keys": [{"organization": slug, "key": demo.api_key(slug)} for slug in demo.ORGANIZATIONS],
            "pay_links": [link for slug in demo.ORGANIZATIONS for link in demo.pay_links(slug)],
        }

    def show(self, result: dict[str, Any]) -> None:
        """Print a line a person."""
        for user in result["users"]:
            self.stdout.write(
                f"{user['organization']:10} {user['role']:18} {user['email']:32} {user['password']}  {user['totp']}"
            )
        for customer in result["customers"]:
            self.stdout.write(
                f"{customer['organization']:10} {'customer':18} {customer['email']:32} {customer['password']}  "
                f"{customer['totp']}"
            )
        for key in result["api_keys"]:
            self.stdout.write(f"{key['organization']:10} API key            {key['key']}")
        for link in result["pay_links"]:
            self.stdout.write(
                f"{link['organization']:10} pay link           {link['invoice']:32} {link['url']}"
            )
