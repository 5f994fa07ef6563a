"""Writes: publishing, and what people do with endpoints."""

from outbound.webhooks.publishing import publish, publish_each

__all__ = ["publish", "publish_each"]
