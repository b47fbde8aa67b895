"""Writes the rows of a table into a compressed file, with a check sum."""
import gzip
import hashlib
import json
import os
import tempfile

FOLDER = os.path.join(os.environ.get("STATE_FOLDER") or os.path.join(tempfile.gettempdir(), "stepwell-examples"), "backups")


class DatabaseBusy(Exception):
    """The database is locked for a moment; trying again helps."""


class DatabaseMissing(Exception):
    """There is no such database."""


def handler(event, context):
    """Backs up `{database, rows, busyTimes, attempt}`; gives `{file, rows, sha256, statusCode}`.

    `busyTimes: N`: the first N attempts fail. Rows that are no objects are left out: then the status is 206, not 200.
    """
    if event["attempt"] < event.get("busyTimes", 0):
        raise DatabaseBusy(f"attempt {event['attempt'] + 1}: {event['database']} is locked")
    if event.get("rows") is None:
        raise DatabaseMissing(f"there is no database {event['database']!r}")
    good = [row for row in event["rows"] if isinstance(row, dict)]
    text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in good).encode()
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, f"{''.join(c for c in event['database'] if c.isalnum() or c in '-_')}.jsonl.gz")
    with open(f"{path}.new", "wb") as file:
        file.write(gzip.compress(text, mtime=0))
    os.replace(f"{path}.new", path)
    print(f"{len(good)} of {len(event['rows'])} rows of {event['database']} written to {path}")
    return {
        "file": path,
        "rows": len(good),
        "sha256": hashlib.sha256(text).hexdigest(),
        "statusCode": 200 if len(good) == len(event["rows"]) else 206,
    }
