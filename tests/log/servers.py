"""Real database servers of the test session: PostgreSQL and MariaDB, on this machine only."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg
import pymysql

_PROGRAMS = Path(__file__).parents[2] / ".cache" / "servers" / "run"
_PASSWORD = "very secret"
_USER = "nobody"
"""Who runs PostgreSQL, which refuses to be root."""


@dataclass
class Running:
    """A server that runs, and can be stopped and started on the same data."""

    kind: str
    port: int
    command: list[str]
    user: str | None
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, password: str = "very%20secret") -> str:
        """Return the URL of a database, as a person writes it."""
        return f"{self.kind}://log:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        end = time.monotonic() + 60
        while True:
            # After a kill its children hold the data for a moment: then it ends at once.
            if self.process is None or self.process.poll() is not None:
                with self.log.open("ab") as log:
                    self.process = subprocess.Popen(
                        self.command,
                        stdout=log,
                        stderr=log,
                        user=self.user,
                        cwd=self.log.parent,
                    )
            with suppress(psycopg.OperationalError, pymysql.err.OperationalError):
                self.run("SELECT 1")
                return
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it as a host that goes down would (SIGINT: PostgreSQL's fast shutdown)."""
        if self.process is not None:
            if self.kind == "mariadb" and how is signal.SIGINT:
                how = signal.SIGTERM
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def run(self, statement: str, database: str = "") -> list[tuple[object, ...]]:
        """Run a statement as the server's own administrator."""
        if self.kind == "postgresql":
            with (
                psycopg.connect(
                    host="127.0.0.1",
                    port=self.port,
                    user="log",
                    password=_PASSWORD,
                    dbname=database or "postgres",
                    autocommit=True,
                    connect_timeout=2,
                ) as to,
                to.cursor() as cursor,
            ):
                cursor.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        other = pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="log",
            password=_PASSWORD,
            database=database or None,
            autocommit=True,
            connect_timeout=2,
        )
        with other, other.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


@contextmanager
def postgresql() -> Iterator[Running]:
    """Run PostgreSQL."""
    with _folder() as folder:
        user = _USER if os.geteuid() == 0 else None
        programs = _PROGRAMS
        if user:
            shutil.chown(folder, user)
            # This user may not come to where we are.
            programs = Path(shutil.copytree(_PROGRAMS, folder / "run"))
        (folder / "password").write_text(_PASSWORD)
        (folder / "password").chmod(0o644)
        data = folder / "data"
        subprocess.run(
            [
                programs / "initdb",
                *("-D", data, "-U", "log", "--pwfile", folder / "password"),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
                *("--locale", "C"),
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        port = _free_port()
        command = [
            *(str(programs / "postgres"), "-D", str(data), "-p", str(port)),
            *(
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                f"unix_socket_directories={data}",
            ),
            # The machine that runs tests need not survive a power cut.
            *("-c", "fsync=off", "-c", "jit=off"),
        ]
        yield from _run(Running("postgresql", port, command, user, folder / "log"))


@contextmanager
def mariadb() -> Iterator[Running]:
    """Run MariaDB."""
    with _folder() as folder:
        data = folder / "data"
        data.mkdir()
        program = [
            *(str(_PROGRAMS / "mariadbd"), "--no-defaults", f"--datadir={data}"),
            *(("--user=root",) if os.geteuid() == 0 else ()),
        ]
        texts = Path((_PROGRAMS / "mariadb-texts").read_text().strip())
        tables = "".join(
            (texts / f"mysql_{name}.sql").read_text()
            for name in ("system_tables", "performance_tables", "system_tables_data")
        )
        subprocess.run(
            [*program, "--bootstrap"],
            input="create database mysql;\nuse mysql;\n"
            + tables
            + "flush privileges;\n"
            f"create user 'log'@'%' identified by '{_PASSWORD}';\n"
            "grant all on *.* to 'log'@'%';\n",
            check=True,
            capture_output=True,
            text=True,
        )
        port = _free_port()
        command = [
            *(*program, f"--port={port}", "--bind-address=127.0.0.1"),
            *(f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"),
            # As above; what is committed still outlives the process.
            "--innodb-flush-log-at-trx-commit=2",
        ]
        yield from _run(Running("mariadb", port, command, None, folder / "log"))


def _run(server: Running) -> Iterator[Running]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    # Not below pytest's own folder, which other users cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="smartlock-le-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
