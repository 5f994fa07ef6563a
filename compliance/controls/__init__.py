"""Controls: what is checked, the check itself, its results over time, and what is let pass for a while."""
