"""The one doorway: who, which organization, may they, and is it recorded."""
