"""GDPR: what an organization owes the people in its books."""

from compliance.frameworks.rules import Duty, Framework, Requirement

R, P, ORG, S = Requirement, Duty.PRODUCT, Duty.ORGANIZATION, Duty.SHARED

FRAMEWORK = Framework(
    code="gdpr",
    name="GDPR",
    edition="Regulation (EU) 2016/679",
    about="The organization is the controller of its customers' data; whoever operates the installation processes it.",
    requirements=(
        R(
            "5(1)(a-f)",
            "Data is processed fairly, for a purpose, as little and as briefly as will do, right and safe.",
            S,
        ),
        R("5(2)", "All of that can be shown.", S),
        R("6", "Each processing has a legal basis.", ORG),
        R("9", "Special categories are processed only where a profile allows it.", ORG),
        R("12", "People get an answer within a month, from whoever knows that it is them.", S),
        R("13", "People are told what happens with their data.", ORG),
        R("15", "People get a copy of everything about them.", S),
        R("16", "What is wrong is put right, here and where it was passed on.", S),
        R("17", "What may go is erased, also from copies; what the law keeps is locked away.", S),
        R("18, 19, 21", "Processing stops where people ask for it or object.", S),
        R("20", "People can take their data elsewhere, in a form that machines read.", P),
        R("22", "Nothing that hurts somebody is decided by a machine alone.", S),
        R("25", "The protective choice is the one that is set.", P),
        R("28", "Whoever processes for somebody is bound by an agreement.", ORG),
        R("30", "There is a record of what is processed.", P),
        R("32(1)(a)", "Data is encrypted and pseudonymized.", P),
        R("32(1)(b)", "Systems stay confidential, whole, available and resilient.", S),
        R("32(1)(c)", "After an incident, data is back in time.", S),
        R("32(1)(d)", "Measures are tested regularly.", S),
        R("33", "A breach is reported within 72 hours.", S),
        R("34", "People are told of a breach that endangers them.", S),
        R("35", "High risks are assessed before processing begins.", ORG),
        R("37", "Somebody answers for data protection where the law asks for it.", ORG),
        R("44-49", "Data leaves the Union only under safeguards.", ORG),
    ),
)
