"""The configuration folder of a Home Assistant that starts without asking anything.

Written for Home Assistant 2026.10: the versions of the stores are its own, which
2026.11 takes, too.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from . import NEXT, ROOT
from .outside import APP, app_data
from .ports import HOST
from .zigbee import zha_entry

PROXY_ENTRY = "01M80VGHAXP6YYKEND1EEQVHB0"
ZHA_ENTRY = "01M80VGHAXP6YYKEND1EEQVHC0"
CAMERA_ENTRY = "01M80VGHAXP6YYKEND1EEQVHD0"
MQTT_ENTRY = "01M80VGHAXP6YYKEND1EEQVHE0"
APP_ENTRY = "01M80VGHAXP6YYKEND1EEQVHF0"
_INTEGRATION = ROOT / "custom_components" / "smartlock_le"
_MADE = "2026-11-01T00:00:00+00:00"

_YAML = """\
homeassistant:
  name: {name}
  latitude: 60.17
  longitude: 24.94
  elevation: 10
  unit_system: metric
  currency: EUR
  country: FI
  language: en
  time_zone: {time_zone}
{outside}  auth_mfa_modules: []
{auth}
config:
frontend:
{ffmpeg}{recorder}{notify}mobile_app:
logger:
  default: {level}
  logs:
    # What plays and scales pictures need not be installed.
    haffmpeg: fatal
    homeassistant.components.camera.img_util: fatal
    custom_components.smartlock_le: {our_level}
"""

_RECORDER = """\
history:
logbook:
recorder:
  commit_interval: 1
"""

_NOTIFY = """\
notify:
  - platform: rest
    name: demo_telephone
    resource: {url}
    method: POST_JSON
    title_param_name: title
"""

_FFMPEG = f"""\
ffmpeg:
  ffmpeg_bin: {imageio_ffmpeg.get_ffmpeg_exe()}
"""

# Whoever reaches this Home Assistant is logged in without a word. That is fit for a
# demo that listens on 127.0.0.1 only, and for nothing else.
_LOGGED_IN = f"""\
  auth_providers:
    - type: trusted_networks
      trusted_networks: {HOST}/32
      allow_bypass_login: true
    - type: homeassistant
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What differs from one Home Assistant to the next."""

    port: int
    proxy_port: int | None
    """None: there is no Bluetooth proxy."""
    name: str = "Test home"
    time_zone: str = "UTC"
    level: str = "warning"
    our_level: str = "info"
    telephone_url: str | None = None
    """Where a telephone is, for Home Assistant's notify over REST."""
    push_url: str | None = None
    """Where a telephone with Home Assistant's app is told."""
    camera_url: str | None = None
    """Where a camera is, for Home Assistant's MJPEG."""
    broker_port: int | None = None
    """Where a broker is on this machine, for Home Assistant's MQTT."""
    zigbee_url: str | None = None
    """Where a Zigbee stick is, for Home Assistant's ZHA."""
    outside_url: str | None = None
    """Under which address it can be reached from outside."""
    log_in: bool = False
    """Log everybody in without a password."""
    recorder: bool = True
    """Keep states and events, and show them."""


def machine_time_zone() -> str:
    """Return the time zone that this machine is set to."""
    path = Path("/etc/localtime")
    if path.is_symlink():
        _, found, zone = str(path.resolve()).partition("/zoneinfo/")
        if found:
            return zone
    return "UTC"


def _write(config: Path, key: str, data: Any, version: int, minor: int = 1) -> None:
    store = {"version": version, "minor_version": minor, "key": key, "data": data}
    (config / ".storage" / key).write_text(json.dumps(store, indent=2))


def _entry(domain: str, entry_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "created_at": _MADE,
        "data": {},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": domain,
        "entry_id": entry_id,
        "minor_version": 1,
        "modified_at": _MADE,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "",
        "unique_id": None,
        "version": 1,
        **fields,
    }


def _proxy_entry(port: int) -> dict[str, Any]:
    """Return the entry that Home Assistant's own flow makes for the proxy."""
    return _entry(
        "esphome",
        PROXY_ENTRY,
        data={
            "host": HOST,
            "port": port,
            "password": "",
            "noise_psk": "",
            "device_name": "virtual-proxy",
        },
        options={"allow_service_calls": False},
        title="Virtual Bluetooth proxy",
        unique_id="c0:ff:ee:ce:17:a0",
    )


def _camera_options(url: str) -> dict[str, Any]:
    return {
        "mjpeg_url": f"{url}/stream.mjpg",
        "still_image_url": f"{url}/still.jpg",
        "authentication": "basic",
        "username": "",
        "password": "",
        "verify_ssl": False,
    }


def _mqtt_data(port: int) -> dict[str, Any]:
    return {"broker": HOST, "port": port, "discovery": True, "protocol": "5"}


def _entries(seed: Seed) -> list[dict[str, Any]]:
    entries = [] if seed.proxy_port is None else [_proxy_entry(seed.proxy_port)]
    if seed.zigbee_url:
        fields = zha_entry(seed.zigbee_url)
        entries.append(_entry(fields.pop("domain"), ZHA_ENTRY, **fields))
    if seed.camera_url:
        options = _camera_options(seed.camera_url)
        entries.append(_entry("mjpeg", CAMERA_ENTRY, options=options, title="Porch"))
    if seed.broker_port:
        fields = {"data": _mqtt_data(seed.broker_port), "version": 2}
        entries.append(_entry("mqtt", MQTT_ENTRY, title="Virtual broker", **fields))
    if seed.push_url:
        data = app_data(seed.push_url)
        entries.append(_entry("mobile_app", APP_ENTRY, title=APP, data=data))
    if NEXT:
        # It would make these itself, and they would fetch things.
        off = {"disabled_by": "user", "source": "system"}
        entries += [
            _entry(domain, f"{PROXY_ENTRY[:-1]}{number}", **off)
            for number, domain in enumerate(("marketplace", "analytics"), 1)
        ]
    return entries


def _write_http(config: Path, port: int) -> None:
    # Not in YAML: Home Assistant takes that as a change to be confirmed in five minutes.
    stable = {
        "server_host": [HOST],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": _MADE,
        "error": None,
        "error_message": None,
    }
    data = {"stable": stable, "pending": None, "yaml_migration_done": True}
    _write(config, "http", data, 2, 2)


def _link(config: Path) -> None:
    link = config / "custom_components" / _INTEGRATION.name
    link.parent.mkdir(exist_ok=True)
    if link.is_symlink() and link.readlink() != _INTEGRATION:
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(_INTEGRATION)


def _move(path: Path, seed: Seed) -> None:
    """Let the entries of proxy, stick, camera, telephone and broker follow them."""
    store = json.loads(path.read_text())
    for entry in store["data"]["entries"]:
        if entry["entry_id"] == PROXY_ENTRY:
            entry["data"]["port"] = seed.proxy_port
        elif entry["entry_id"] == ZHA_ENTRY:
            entry["data"]["device"]["path"] = seed.zigbee_url
        elif entry["entry_id"] == CAMERA_ENTRY and seed.camera_url:
            entry["options"] = _camera_options(seed.camera_url)
        elif entry["entry_id"] == APP_ENTRY and seed.push_url:
            entry["data"]["app_data"]["push_url"] = seed.push_url
        elif entry["entry_id"] == MQTT_ENTRY and seed.broker_port:
            entry["data"] = _mqtt_data(seed.broker_port)
    path.write_text(json.dumps(store, indent=2))


def prepare(config: Path, seed: Seed) -> None:
    """Write what is missing in a configuration folder; keep what was made in it."""
    (config / ".storage").mkdir(parents=True, exist_ok=True)
    _link(config)
    (config / "configuration.yaml").write_text(
        _YAML.format(
            name=seed.name,
            time_zone=seed.time_zone,
            outside=f"  external_url: {seed.outside_url}\n" if seed.outside_url else "",
            auth=_LOGGED_IN if seed.log_in else "",
            # Only a camera needs it.
            ffmpeg=_FFMPEG if seed.camera_url else "",
            notify=_NOTIFY.format(url=seed.telephone_url) if seed.telephone_url else "",
            recorder=_RECORDER if seed.recorder else "",
            level=seed.level,
            our_level=seed.our_level,
        )
    )
    _write_http(config, seed.port)
    entries = config / ".storage" / "core.config_entries"
    if entries.exists():
        _move(entries, seed)
        return
    # The step that is left makes the user; the others would fetch things.
    _write(
        config, "onboarding", {"done": ["core_config", "analytics", "integration"]}, 4
    )
    _write(config, "core.config_entries", {"entries": _entries(seed)}, 1, 5)
