"""Tables that come in and lists that go out."""
