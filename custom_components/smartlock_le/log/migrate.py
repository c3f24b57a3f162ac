"""Stores of older versions become one of this version, in one transaction."""

from datetime import date

from sqlalchemy import Connection, insert, select

from .tables import SCHEMA, entries, epochs, logs, meta, metadata, nodes
from .tree import Tree


def migrate(connection: Connection, schema: int, today: date) -> None:
    """Bring a store of an older version to ours, inside the caller's transaction."""
    if schema == 1:
        _from_1(connection, today)
    connection.execute(
        meta.update().where(meta.c.key == "schema").values(value=str(SCHEMA))
    )


def _from_1(connection: Connection, today: date) -> None:
    """Version 2: bodies can be erased, there can be several logs, and tiles of the tree."""
    run = connection.exec_driver_sql
    for index in ("kind", "time", "lock"):
        run(f"DROP INDEX entries_by_{index}")
    run("ALTER TABLE entries RENAME TO entries_1")
    run("ALTER TABLE checkpoints RENAME COLUMN size TO upto")
    metadata.create_all(connection)
    run(
        "INSERT INTO entries (seq, epoch, kind, time, lock, body, leaf)"
        " SELECT seq, epoch, kind, time, lock, body, leaf FROM entries_1"
    )
    run("DROP TABLE entries_1")
    was = {row.key: row.value for row in connection.execute(select(meta))}
    connection.execute(
        logs.insert(), {"first": 0, "origin": was["origin"], "vkey": was["vkey"]}
    )
    connection.execute(meta.delete().where(meta.c.key.in_(("origin", "vkey"))))
    # The one epoch so far: kept as long as its newest entry may be.
    connection.execute(
        epochs.insert(), {"epoch": 1, "day": today.toordinal(), "erased": 0}
    )
    tree = Tree()
    for (leaf,) in connection.execute(select(entries.c.leaf).order_by(entries.c.seq)):
        tree.add(leaf)
    if tree.grown:
        connection.execute(
            insert(nodes),
            [
                {"log": 0, "height": height, "number": number, "hash": node}
                for height, number, node in tree.grown
            ],
        )
