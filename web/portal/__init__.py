"""The portal: a customer's own invoices, payments and ways to pay, behind a sign-in with a second factor."""
