"""Settling: which money pays which invoice, and what is left to a customer's credit."""
