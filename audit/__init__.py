"""What happened: an append-only trail, sealed every few seconds, provable without this software."""
