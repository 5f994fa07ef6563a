"""Seal, verify and export the trail."""
