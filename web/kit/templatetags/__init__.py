"""The template library of the kit."""
