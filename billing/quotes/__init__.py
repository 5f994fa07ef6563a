"""Quotes: what somebody is offered, until when, and what became of it."""
