"""The pages people see: payment, authentication, and what happened."""
