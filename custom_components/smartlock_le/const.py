"""Names that more than one room uses."""

from typing import Final

DOMAIN: Final = "smartlock_le"
VERSION: Final = "0.1.0"
SUBENTRY_LOCK: Final = "lock"
CONF_FAMILY: Final = "family"
CONF_FIRST: Final = "first"
CONF_LAST: Final = "last"
"""Between which numbers of a lock our codes are, where it knows codes by number."""
CONF_OWN_LOCK: Final = "own_lock"
CONF_SHARING: Final = "sharing"
CONF_RETENTION: Final = "retention_days"
CONF_STAMPS: Final = "stamps"
EVENT_ACCESS: Final = f"{DOMAIN}_access"
ATTR_TIME: Final = "time"
FOLDER: Final = DOMAIN
"""Our private folder in the configuration directory: log, keys, exports."""
