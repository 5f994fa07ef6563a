"""Reviews of access: who and what may enter the organization, looked at by somebody and signed."""
