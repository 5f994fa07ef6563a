"""Use cases: one function each. They demand the transaction their door opened and are told the time."""
