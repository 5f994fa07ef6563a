"""The first page of an organization: what needs somebody now, and what is owed. Every number leads to its rows."""
