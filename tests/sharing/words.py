"""The words of a release, as Home Assistant would give them."""

import json
from pathlib import Path

import custom_components.smartlock_le as integration

_TEXTS = json.loads(
    (Path(integration.__file__).parent / "translations" / "en.json").read_text()
)
WORDS = {
    key.removeprefix("bundle_"): text
    for key, text in _TEXTS["common"].items()
    if key.startswith("bundle_")
} | {
    f"{table}.{value}": text
    for table, selector in (("instrument", "instrument"), ("kind", "release_kind"))
    for value, text in _TEXTS["selector"][selector]["options"].items()
}
