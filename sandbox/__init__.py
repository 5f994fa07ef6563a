"""A payment gateway for demonstrations and tests: a program and a host of its own that speaks Stripe's API.

It imports nothing of the product and nothing of the product imports it: they know each other by HTTP alone, as the
product and the real gateway do. No card number is kept: a test card becomes the name of its scenario at once.
"""
