"""What hangs on a customer: contacts, the proof of their tax id, whom they belong to, and merging two of one."""
