"""OWASP ASVS 5.0.0: those requirements that a running installation can show by itself.

The numbers were compared with the published standard; the words are ours. Most of the standard is proved when the
product is built, by its tests, and is not repeated here.
"""

from compliance.frameworks.rules import Duty, Framework, Requirement

R, P, S = Requirement, Duty.PRODUCT, Duty.SHARED

FRAMEWORK = Framework(
    code="asvs",
    name="ASVS",
    edition="5.0.0",
    about="Those requirements whose fulfilment a running installation shows, beside those its tests prove.",
    checked=True,
    requirements=(
        R("1.3.6", "No typed address makes the server call where it should not.", P),
        R("1.5.2", "What is read back from outside cannot become code.", P),
        R("2.3.1", "Work goes through its steps in their order.", P),
        R("2.3.3", "A business act succeeds as a whole or not at all.", P),
        R("2.3.5", "Acts of high value need several people.", P),
        R("3.3.1", "Cookies are sent over TLS only and are bound to their host.", S),
        R("3.4.1", "Browsers are told to use TLS for a year.", S),
        R("3.4.3", "Browsers are told what content may load and run.", P),
        R("4.1.5", "Sensitive messages between systems are signed.", P),
        R("6.2.1", "Passwords have a least length.", P),
        R("6.2.4", "The most common passwords are refused.", P),
        R("6.2.12", "Breached passwords are refused.", P),
        R("6.3.3", "One factor alone opens nothing.", P),
        R("7.3.1", "Idle sessions end.", P),
        R("7.3.2", "Every session ends some time.", P),
        R("7.4.2", "Sessions of whoever left are over.", P),
        R("8.1.1", "It is written down who may do what.", S),
        R("8.4.1", "Nothing done in one organization touches another.", P),
        R("11.1.2", "There is an inventory of keys.", P),
        R("11.2.2", "Algorithms and keys can be replaced.", P),
        R("11.3.3", "Encrypted data cannot be altered unseen.", P),
        R("11.3.4", "No number that may be used once is used twice.", P),
        R("11.4.2", "Passwords are stored by a costly function.", P),
        R("12.3.1", "Every connection between parts is encrypted.", S),
        R("13.1.3", "It is set how resources end and are given back.", S),
        R("13.2.2", "Each part has the least rights that do.", P),
        R("13.2.4", "Where the application may call is on a list.", P),
        R("13.2.6", "Connections keep to their limits.", S),
        R("13.3.1", "Secrets are kept by what is made for it.", S),
        R("13.3.3", "Keys do their work where they cannot be copied.", S),
        R("13.3.4", "Secrets end and are replaced.", S),
        R("13.4.2", "Nothing runs in debug mode.", S),
        R("14.1.1", "Data is classified.", P),
        R("14.1.2", "Each class has its protections.", P),
        R("14.2.4", "The protections of each class are in place.", P),
        R("14.2.7", "What is outdated is deleted by itself.", S),
        R("15.1.1", "It is set how soon weaknesses are mended.", S),
        R("15.1.2", "There is an inventory of components.", P),
        R("15.2.1", "No component is overdue.", S),
        R("16.2.2", "Clocks agree, and times name their zone.", S),
        R("16.3.3", "Security events are recorded.", P),
        R("16.4.2", "Records cannot be changed.", P),
        R("16.4.3", "Records are sent to another system.", S),
    ),
)
