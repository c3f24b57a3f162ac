"""A simulated Yale Access lock: what a public client expects, and no maker's document."""

from .lock import YaleLock, YaleOptions

__all__ = ["YaleLock", "YaleOptions"]
