"""Phishing practice: mails of our own that look like an attack, so that people learn to see and report one."""
