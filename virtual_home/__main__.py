"""The command line: serve a virtual home, or do something to one that runs.

python -m virtual_home serve
python -m virtual_home state
"""

import argparse
import asyncio
import json
import logging
from pathlib import Path
import sys
from typing import Any

from .client import DEFAULT_PORT, ControlError, command

_ON_OFF = {"on": True, "off": False}


def _parser() -> argparse.ArgumentParser:
    # The same options before and after the command; after it they have no default,
    # which would overrule what was said before it.
    def common(port: Any, lock: Any, raw: Any) -> argparse.ArgumentParser:
        options = argparse.ArgumentParser(add_help=False)
        options.add_argument("--control-port", type=int, default=port)
        options.add_argument("--lock", type=int, default=lock, help="number, from 0")
        options.add_argument(
            "--json", action="store_true", default=raw, help="print the raw response"
        )
        return options

    parser = argparse.ArgumentParser(
        prog="python -m virtual_home",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common(DEFAULT_PORT, 0, False)],
    )
    again = common(argparse.SUPPRESS, argparse.SUPPRESS, argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="cmd", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, parents=[again])

    serve = add("serve", "run a virtual home")
    serve.add_argument("--host", default="127.0.0.1", help="where the proxy listens")
    serve.add_argument("--proxy-port", type=int, default=6053, help="0: any free one")
    serve.add_argument("--locks", type=int, default=1)
    serve.add_argument("--motor", type=float, default=1.5, metavar="SECONDS")
    serve.add_argument("--pin", type=int, default=1234)
    serve.add_argument("--pairing", action="store_true", help="start in pairing mode")
    serve.add_argument("--chunk", type=int, help="split indications into these bytes")
    serve.add_argument("--padded", action="store_true", help="pad as firmware 3.x does")
    serve.add_argument("--no-keypad", action="store_true")
    serve.add_argument("--state", type=Path, metavar="FILE")
    serve.add_argument(
        "--zigbee-port", type=int, help="a Zigbee stick there; 0: any free port"
    )
    serve.add_argument(
        "--zigbee-database",
        type=Path,
        metavar="FILE",
        help="write ZHA's database with the stick's lock in it, if there is none",
    )
    serve.add_argument(
        "--camera-port", type=int, help="a camera at the door there; 0: any free port"
    )
    serve.add_argument(
        "--frigate-port", type=int, help="Frigate beside the camera; 0: any free port"
    )
    serve.add_argument(
        "--broker-port", type=int, help="where on this machine Frigate finds MQTT"
    )
    serve.add_argument("--verbose", action="store_true")

    add("state", "what the lock is doing")
    add("press", "type a code on the keypad").add_argument("code")
    add("turn", "turn the bolt by hand").add_argument("to", choices=["lock", "unlock"])
    add("door", "move the door").add_argument("to", choices=["open", "closed"])
    add("door-sensor", "set what the sensor says").add_argument("state")
    for name, text in (
        ("jam", "block the motor"),
        ("pairing", "pairing mode, to stay"),
        ("keypad", "attach the keypad"),
    ):
        add(name, text).add_argument("on", choices=_ON_OFF)
    add("button", "hold the button for 5 s: pairing mode for 30 s")
    add("range", "carry the lock away").add_argument("in_range", choices=["in", "out"])
    add("battery", "charge in percent").add_argument("percent", type=int)
    for name, text in (("lose", "lose a message"), ("double", "double a message")):
        fault = add(name, text)
        fault.add_argument(
            "direction",
            help="to_lock or from_lock; of a Zigbee lock: reply, report, event",
        )
        fault.add_argument("n", type=int, nargs="?", default=1, help="1 is the next")
        if name == "lose":
            # Not sent unless they are said: a Zigbee lock has no link to cut.
            fault.add_argument(
                "--drop-link",
                action="store_true",
                default=argparse.SUPPRESS,
                help="cut the link",
            )
            fault.add_argument(
                "--delay",
                type=float,
                default=argparse.SUPPRESS,
                metavar="SECONDS",
                help="late instead of lost; with --drop-link: cut this much later",
            )
    add("clear", "forget the faults that are still to come")
    add("camera", "what is wrong with the camera at the door").add_argument(
        "trouble",
        choices=["none", "hangs", "html", "bomb", "empty", "cut", "broken"],
    )
    sees = add("frigate", "let Frigate see something")
    sees.add_argument("label", choices=["person", "car", "package"])
    sees.add_argument("--plate", default="", help="that it reads on a car")
    add("motor", "how long an action takes").add_argument("seconds", type=float)
    add("codes", "list the keypad codes")
    add("log", "the lock's own log")
    add("reset", "factory reset: forget pairings and codes")
    add("clock", "seconds that the lock is ahead").add_argument("offset", type=float)
    foreign = add("foreign-code", "add a code as the maker's app would")
    foreign.add_argument("code")
    foreign.add_argument("name")
    add("messages", "messages since the last call")
    return parser


def _tell(cmd: str, result: dict[str, Any]) -> str:
    """Write a response for people."""
    if not result:
        return "done"
    if cmd == "press" and result["opened"]:
        return f"accepted: code {result['code_id']}, {result['name']}"
    if cmd == "press":
        return f"refused: {result['error']}"
    rows = result.get(cmd)
    if isinstance(rows, list):
        return "\n".join(map(_row, rows)) or "none"
    width = max(map(len, result))
    return "\n".join(
        f"{key:<{width}}  {_value(value)}" for key, value in result.items()
    )


def _row(row: dict[str, Any]) -> str:
    return "  ".join(f"{key}={_value(value)}" for key, value in row.items())


def _value(value: Any) -> str:
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def main() -> int:
    """Run the command line."""
    options = _parser().parse_args()
    if options.cmd == "serve":
        logging.basicConfig(level=logging.INFO if options.verbose else logging.ERROR)
        # The radio stack takes a second to import: only here, not for a command.
        from .serve import serve  # noqa: PLC0415

        try:
            asyncio.run(serve(options))
        except OSError as err:
            sys.stderr.write(f"cannot serve: {err}\n")
            return 1
        return 0
    arguments = vars(options)
    port, raw, cmd = (arguments.pop(key) for key in ("control_port", "json", "cmd"))
    if "on" in arguments:
        arguments["on"] = _ON_OFF[arguments["on"]]
    if "in_range" in arguments:
        arguments["in_range"] = arguments["in_range"] == "in"
    try:
        result = command(cmd, port=port, **arguments)
    except ControlError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    sys.stdout.write((json.dumps(result) if raw else _tell(cmd, result)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
