"""Keys by which machines act for an organization."""
