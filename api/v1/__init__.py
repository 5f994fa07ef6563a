"""Version 1: names here do not change, fields are only ever added."""
