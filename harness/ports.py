"""Free ports, and whose a port is."""

from pathlib import Path
import secrets
import socket

HOST = "127.0.0.1"

_LISTEN = "0A"


def free_port() -> int:
    """Return a port that nobody listens on now.

    It is below those that the system gives to whoever asks for any: until it is used,
    nobody else gets it.
    """
    while is_taken(port := 20_000 + secrets.randbelow(12_000)):
        pass
    return port


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on the port already."""
    with socket.socket() as probe:
        # Connections that ended a moment ago are no listeners.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


def _listening(port: int) -> set[str]:
    """Return the names of the sockets that listen on the port."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(table)
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == _LISTEN:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets


def _open_files(pid: int) -> set[str]:
    files = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                files.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    except FileNotFoundError:
        return set()
    return files


def whose(port: int, pid: int) -> bool | None:
    """Tell whether `pid` listens on the port, and nobody else; None: nobody does."""
    if not (listening := _listening(port)):
        return None
    return listening <= _open_files(pid)
