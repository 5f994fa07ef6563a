"""The face for machines: `/api/v1`, one file per noun. What is done stands in billing; this only speaks."""
