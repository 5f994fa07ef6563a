"""Founding an installation and its organizations."""
