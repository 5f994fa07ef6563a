"""What training does: one module a matter."""
