"""What several actions ask for in the same way."""

import voluptuous as vol

MIN_MINUTES, MAX_MINUTES = 1, 240
"""How long somebody is let in."""
MINUTES = vol.All(vol.Coerce(int), vol.Range(min=MIN_MINUTES, max=MAX_MINUTES))
# PostgreSQL has no text with the character 0 in it.
TEXT = vol.All(str, str.strip, vol.Length(min=1, max=100), vol.Match(r"[^\0]*\Z"))
