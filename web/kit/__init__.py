"""The components every page is made of: what they show is escaped, labelled and readable."""
