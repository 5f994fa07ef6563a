"""HIPAA Security Rule: for organizations that bill health care."""

from compliance.frameworks.rules import Duty, Framework, Requirement

R, P, ORG, S = Requirement, Duty.PRODUCT, Duty.ORGANIZATION, Duty.SHARED

FRAMEWORK = Framework(
    code="hipaa",
    name="HIPAA 164.",
    edition="45 CFR 164, Security Rule",
    about="For organizations whose invoices say something about somebody's health.",
    requirements=(
        R("308(a)(1)(ii)(A)", "Risks are analysed.", ORG),
        R("308(a)(1)(ii)(C)", "Breaking the rules has consequences.", ORG),
        R("308(a)(1)(ii)(D)", "What happens in the system is reviewed.", S),
        R("308(a)(2)", "Somebody answers for security.", ORG),
        R("308(a)(3)(ii)(A-C)", "Access is authorized, suited to the person, and ended when they go.", S),
        R("308(a)(4)(ii)(B,C)", "Access is given and changed on request, with approval.", S),
        R(
            "308(a)(5)(ii)(A-D)",
            "People are reminded, sign-ins watched, passwords good, malware kept out.",
            S,
        ),
        R("308(a)(6)(ii)", "Incidents are answered and written down.", S),
        R("308(a)(7)", "Work goes on, and data comes back, after a disaster.", S),
        R("308(a)(8)", "Whether all of this works is evaluated again and again.", S),
        R("308(b)", "Business associates have agreed in writing.", ORG),
        R("310", "Rooms, machines and media are secured.", ORG),
        R("312(a)(1)", "Only who may gets at the data; everybody has an account of their own.", P),
        R("312(a)(2)(iii)", "A session left alone ends.", P),
        R("312(a)(2)(iv)", "Stored data is encrypted.", P),
        R("312(b)", "What happens to the data is recorded.", P),
        R("312(c)(1)", "Data is not altered or destroyed unseen.", P),
        R("312(d)", "Whoever comes proves who they are.", P),
        R("312(e)(1)", "Data on its way is protected.", S),
        R("316(b)(2)(i)", "Documentation is kept for six years.", S),
        R("404-410", "People, partners and authorities are told of a breach in time.", S),
        R("528", "People are told to whom their data was disclosed.", S),
    ),
)
