"""What payments do by the clock."""

BEAT: dict[str, dict[str, object]] = {}
