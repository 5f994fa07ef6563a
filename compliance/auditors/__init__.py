"""Auditors who come for a while: what they may see, and until when."""
