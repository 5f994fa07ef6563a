"""A person's own record: how they sign in, where they are signed in, and what they did."""
