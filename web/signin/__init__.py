"""The entrance: signing in, the second factor, invitations, the way back in, and choosing an organization."""
