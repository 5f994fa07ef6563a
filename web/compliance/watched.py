"""Controls that only the faces can see: headers, what a payer's browser runs, who declared which address."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from compliance.controls import registry, rules
from compliance.controls.rules import Control, Outcome
from edge import checks, headers
from edge.access import Public, rules_of
from web.pay import inventory

_MIDDLEWARE = "edge.headers.SecurityHeadersMiddleware"
_NOTHING = ("default-src", "frame-ancestors", "base-uri")
_LOOSE = ("'unsafe-inline'", "'unsafe-eval'", "*", "data:", "http:", "https:")


def answers(at: datetime) -> Outcome:
    """Make an answer as the product makes each one, and look at its headers."""
    given = headers.SecurityHeadersMiddleware(lambda _: HttpResponse())(HttpRequest()).headers
    policy = {
        name: words
        for name, _, words in (
            part.strip().partition(" ") for part in given["Content-Security-Policy"].split(";")
        )
    }
    wrong = [f"{name} is not 'none'" for name in _NOTHING if policy.get(name) != "'none'"]
    scripts = policy.get("script-src", "").split()
    wrong += [f"script-src allows {word}" for word in _LOOSE if word in scripts]
    wrong += [] if scripts else ["script-src is missing"]
    wrong += [] if "require-trusted-types-for" in policy else ["trusted types are not required"]
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    wrong += [f"{name} is not {value}" for name, value in wanted.items() if given.get(name) != value]
    if not settings.MIDDLEWARE or settings.MIDDLEWARE[0] != _MIDDLEWARE:
        wrong.append("the headers are not put on by the outermost layer")
    return rules.judged(
        wrong,
        good=f"Every answer carries a strict policy of {len(policy)} directives and is kept by no cache.",
        wrong="Headers that are not strict: {n}.",
        directives=len(policy),
    )


def pay_page(at: datetime) -> Outcome:
    """Compare each script and style of the pay page with the reviewed list."""
    assets = inventory.assets()
    odd = [
        f"{each.name}: {each.state.value}" for each in assets if each.state is not inventory.State.REVIEWED
    ]
    return rules.judged(
        odd,
        good=f"All {len(assets)} scripts and styles of the pay page are as they were reviewed.",
        wrong="Scripts and styles of the pay page that are not as reviewed: {n}.",
        files=len(assets),
    )


def routes(at: datetime) -> Outcome:
    """Walk the table of addresses: each says who may, and each public one why."""
    wrong, total, public = [], 0, 0
    for path, name, view in checks.routes():
        total += 1
        declared = rules_of(view)
        if not declared:
            wrong.append(f"/{path} ({name}) declares nobody")
            continue
        open_ones = [rule for rule in declared.values() if isinstance(rule, Public)]
        public += bool(open_ones)
        wrong += [f"/{path} ({name}) is public without a reason" for rule in open_ones if not rule.reason]
    return rules.judged(
        wrong,
        good=f"All {total} addresses declare who may open them; {public} are public, each with a reason.",
        wrong="Addresses about which nobody has decided: {n}.",
        addresses=total,
        public=public,
    )


def register() -> None:
    """Make these controls known; called once, when the app is ready."""
    registry.register_all(
        (
            Control(
                code="configuration.headers",
                title="Browsers run nothing that is not ours",
                family="configuration",
                checks="The headers of an answer made as the product makes each one.",
                passes="Scripts come from this host with a nonce alone, nothing else is allowed, no cache keeps it.",
                fails="A directive was loosened, or the headers are not put on every answer.",
                matters="Markup that an attacker brings in must stay text.",
                remedy="Put the policy back; see edge/headers.",
                maps=(("asvs", "3.4.3"), ("pci-dss", "6.4.1"), ("pci-dss", "11.6.1")),
                check=answers,
                of_host=True,
            ),
            Control(
                code="cards.pay_page",
                title="The pay page runs what was reviewed, and nothing else",
                family="cards",
                checks="Every script and style of the pay page, and what they import, against the reviewed list.",
                passes="Each is on the list with its reason and has the digest that was reviewed.",
                fails="One is new, changed or gone.",
                matters="Skimmers change one script of one page.",
                remedy="Compare the file with its release; review it and write down why it is there.",
                maps=(("pci-dss", "6.4.3"), ("pci-dss", "11.6.1"), ("pci-dss", "11.5.2")),
                check=pay_page,
                of_host=True,
            ),
            Control(
                code="access.addresses",
                title="Every address says who may open it",
                family="access",
                checks="The table of addresses as it runs: what each view declares.",
                passes="Each names a right, or says why it is public.",
                fails="One declares nobody.",
                matters="What nobody decided about is open to whoever finds it.",
                remedy="Declare the right beside the view.",
                maps=(("asvs", "8.1.1"), ("pci-dss", "7.2.1-7.2.6"), ("hipaa", "312(a)(1)")),
                check=routes,
                of_host=True,
            ),
        )
    )
