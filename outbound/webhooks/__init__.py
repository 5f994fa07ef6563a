"""Outgoing webhooks: what happened is written down in its transaction and told to whoever asked, signed, after it."""
