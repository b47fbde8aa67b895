"""Tells the type of a file by its name and its content."""
import json


def handler(event, context):
    """Looks at `{name, content}`; gives `{type, lines}` with type csv, json-lines or unknown."""
    lines = [line for line in event["content"].splitlines() if line.strip()]
    return {"type": type_of(event["name"], lines), "lines": len(lines)}


def type_of(name, lines):
    """The type; a name that the content belies counts for nothing."""
    ending = name.rsplit(".", 1)[-1].lower()
    if ending == "csv" and (not lines or "," in lines[0]):
        return "csv"
    if ending in ("jsonl", "ndjson") and (not lines or is_json(lines[0])):
        return "json-lines"
    return "unknown"


def is_json(line):
    """Whether a line is a JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
