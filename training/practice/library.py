"""The practice mails of a billing office. Reviewed texts, not a form: nobody writes a lure about somebody's pay.

Nobody in them exists. None speaks for a bank, an authority, a brand, a colleague or this product, and none is about
pay, dismissal, health, family, charity or disaster (tests/rules/test_training_practice.py).
"""

from training.practice.lures import LINK, Fit, Landing, Lure

LURES = {
    lure.code: lure
    for lure in (
        Lure(
            code="parcel-desk",
            title="A parcel that waits for a fee",
            topic="Delivery",
            sender="Parcel Desk Swiftlane",
            house="Swiftlane",
            subject="[[looks:URGENT!!]] Your parcel is [[spelling:holded]]",
            text=f"""[[greeting:Dear receiver]],

your parcel [[inconsistent:SL-0093-2]] could [[grammar:not been delivered]] because a fee of 1.45 is open. The \
order [[inconsistent:SL-9003-2]] is stored until [[pressure:tonight]] and is [[threat:destroyed after]].

[[process:Confirm the delivery]] here: [[link:{LINK}]]

[[data:Have your phone number and e-mail ready.]] [[safe:This page is 100 % secure and virus checked.]] \
[[special:Only today the second delivery is free!]]

[[padding:Swiftlane delivers to 61 countries and plants a tree for every parcel.]]

[[looks:DO NOT ANSWER THIS MAIL]]
[[signature:The Parcel Team]]""",
            fit=Fit.WEAK,
            fit_why="A billing office receives few parcels, and nobody there pays a carrier by link.",
            chief=("pressure", "link", "data"),
            landing=Landing(
                title="Swiftlane delivery",
                lead="Tell us where the parcel goes.",
                fields=("Phone number", "E-mail address"),
                button="Confirm delivery",
            ),
        ),
        Lure(
            code="document-copy",
            title="A scanned document to fetch",
            topic="Documents",
            sender="Docuhatch eCopy",
            house="Docuhatch",
            subject="[[inconsistent:2 documents]] were shared with you",
            text=f"""[[greeting:Hello billing]],

[[process:a scanned document was sent]] to your [[spelling:acount]]. It has [[inconsistent:1 page]] and was \
[[spelling:recieved]] today.

File: [[inconsistent:Statement_FINAL_2019.pdf]]
Pages: 1 [[grammar:of totally 4]]

[[link:View it here: {LINK}]]

For [[safe:your protection the document is encrypted]], sign in [[data:with the address of your mailbox and its \
code]]. The document is [[threat:deleted]] [[pressure:in 12 hours]].

[[legal:This message and its attachments are confidential under applicable law.]]
[[padding:Docuhatch is used by over 40,000 teams.]]
[[signature:Docuhatch automatic delivery]]""",
            fit=Fit.MEDIUM,
            fit_why="Scanned papers reach a billing office, but by its own scanner and its own mailbox.",
            chief=("data", "link", "inconsistent"),
            landing=Landing(
                title="Docuhatch",
                lead="One more step to see the document.",
                fields=("Mailbox address", "Code"),
                button="Show the document",
            ),
        ),
        Lure(
            code="trade-directory",
            title="An entry in a trade directory",
            topic="Offers",
            sender="Regional Trade Directory Brightwell",
            house="Brightwell",
            subject="Your free entry [[special:ends today]]",
            text=f"""[[greeting:Dear Sir or Madam]],

your company was [[special:chosen]] for the regional directory. The entry is free [[inconsistent:in the first year \
(99.00 a month)]].

Check your data and confirm: [[link:{LINK}]]

[[data:We need the name of whoever signs invoices and their direct number.]] Without an answer [[pressure:by \
18:00]] we take the entry as [[threat:agreed]].

[[legal:By opening this message you accept our terms.]]

[[signature:Directory office]]""",
            fit=Fit.WEAK,
            fit_why="Directories concern marketing; a billing office confirms no entries.",
            chief=("threat", "data", "inconsistent"),
            landing=Landing(
                title="Trade directory",
                lead="Confirm your free entry.",
                fields=("Name", "Direct number"),
                button="Confirm the entry",
            ),
        ),
        Lure(
            code="overdue-notice",
            title="A supplier’s overdue notice",
            topic="Payables",
            sender="Accounts Receivable, Quillmark Paper",
            house="Quillmark",
            subject="[[pressure:Final notice]]: invoice QP-20817",
            text=f"""[[greeting:Dear customer]],

our records show that invoice QP-20817 is [[inconsistent:34 days overdue since last week]]. Deliveries are \
[[threat:suspended]] [[pressure:today at 12:00]].

[[process:View the invoice and confirm when it is paid]]: [[link:{LINK}]]

[[padding:We moved to a new system this spring and thank you for your patience.]] [[signature:This mailbox is not \
read.]]

Accounts Receivable
Quillmark Paper""",
            fit=Fit.MEDIUM,
            fit_why="Overdue notices come every week; Quillmark, though, is no supplier anybody ordered from.",
            chief=("pressure", "link", "signature"),
            landing=Landing(
                title="Quillmark Paper customer desk",
                lead="Sign in to see invoice QP-20817.",
                fields=("Customer number", "E-mail address"),
                button="View the invoice",
            ),
        ),
        Lure(
            code="remittance-advice",
            title="A remittance advice to match",
            topic="Receivables",
            sender="Payments Team, Harrow & Vane Logistics",
            house="Harrow & Vane",
            subject="Remittance advice for your open items",
            text=f"""[[greeting:Hello]],

we have paid your open items of last month in one sum. As [[inconsistent:three of your invoices carry the same \
number]], [[process:assign the payment yourself]] before [[pressure:today’s cut-off]]: [[link:{LINK}]]

What is not assigned is [[threat:recalled]]. [[data:Have your customer reference and mailbox address at hand.]]

[[legal:This advice is a binding record of payment.]]

[[signature:Payments Team]]""",
            fit=Fit.STRONG,
            fit_why="Matching money to invoices is what the office does all day.",
            chief=("process", "link", "pressure"),
            landing=Landing(
                title="Harrow & Vane payer portal",
                lead="Assign the payment to your invoices.",
                fields=("Customer reference", "Mailbox address"),
                button="Show the payment",
            ),
        ),
        Lure(
            code="invoice-query",
            title="A question about an invoice",
            topic="Receivables",
            sender="Lena Aldous, Marrowfield Studios",
            house="Marrowfield",
            subject="Question about your last invoice",
            text=f"""[[greeting:Hi]],

I am going through our books for the quarter and one amount on your last invoice does not agree with our order. I \
have marked the line here, could you have a look: [[link:{LINK}]]

I would like to pay the rest [[pressure:before I leave at three]].

Thanks
Lena Aldous
[[signature:Marrowfield Studios]]""",
            fit=Fit.STRONG,
            fit_why="Questions about an invoice are daily work, and this one is polite and short.",
            chief=("link", "pressure", "greeting"),
            landing=Landing(
                title="Shared note",
                lead="Lena has marked a line for you.",
                fields=("Your e-mail address",),
                button="Open the note",
            ),
        ),
        Lure(
            code="supplier-form",
            title="A supplier form to fill in",
            topic="Master data",
            sender="Vendor Onboarding, Tessel Group",
            house="Tessel",
            subject="Supplier form: two fields are missing",
            text=f"""[[greeting:Good morning]],

before we can release your invoices we need two fields of the supplier form. It takes a minute: [[link:{LINK}]]

[[process:Use the form rather than answering this mail]]; it goes to the clerk directly.

[[signature:Vendor Onboarding]]""",
            fit=Fit.MEDIUM,
            fit_why="New customers do send such forms, though to whoever keeps the master data.",
            chief=("link", "process", "signature"),
            landing=Landing(
                title="Tessel supplier form",
                lead="Two fields are missing.",
                fields=("Contact for payments", "Phone number"),
                button="Send the form",
            ),
        ),
    )
}
