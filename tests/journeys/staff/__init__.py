"""What people of an organization do, page by page, in a real browser."""
