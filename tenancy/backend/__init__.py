"""Django's PostgreSQL backend with the signed context."""
