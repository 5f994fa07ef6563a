"""What is encrypted, and with which key.

Root key (outside the database) > tenant key > data key of a purpose > subject key of one person. Each is
stored only wrapped by the one before it.
"""
