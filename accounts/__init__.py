"""Who may do what: people, their sign-in, their roles, their keys and what needs a second person."""
