"""The organization's own bank account: it stands on documents, and nobody changes it quickly or alone."""
