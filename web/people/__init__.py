"""Who works for an organization: members, invitations, roles and what waits for a second person."""
