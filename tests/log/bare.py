"""The log in a process without Home Assistant, which takes seconds to import."""

from importlib import import_module
from pathlib import Path
import sys
from types import ModuleType

HOUSE = Path(__file__).parents[2] / "custom_components" / "smartlock_le"
for name, path in (
    ("custom_components", HOUSE.parent),
    ("custom_components.smartlock_le", HOUSE),
):
    package = ModuleType(name)
    package.__path__ = [str(path)]
    sys.modules.setdefault(name, package)

_log = import_module("custom_components.smartlock_le.log")
Log = _log.Log
LogUnavailable = _log.LogUnavailable
