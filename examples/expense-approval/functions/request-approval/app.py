"""Asks a human: writes the task token to the log and into a file, where the human finds it."""
import json
import os
import tempfile

FOLDER = os.path.join(os.environ.get("STATE_FOLDER") or os.path.join(tempfile.gettempdir(), "stepwell-examples"), "approvals")


class UnknownApprover(Exception):
    """Nobody approves expenses of this kind."""


APPROVERS = {"travel": "tina@example.com", "equipment": "emil@example.com"}


def handler(event, context):
    """Files `{taskToken, expense: {id, kind, amount, employee}}`. The answer does not end the task; the human does."""
    expense = event["expense"]
    approver = APPROVERS.get(expense["kind"])
    if approver is None:
        raise UnknownApprover(f"nobody approves expenses of the kind {expense['kind']!r}")
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, f"{''.join(c for c in expense['id'] if c.isalnum() or c in '-_')}.json")
    with open(f"{path}.new", "w") as file:
        json.dump({"approver": approver, "expense": expense, "taskToken": event["taskToken"]}, file, indent=1)
    os.replace(f"{path}.new", path)
    print(f"{approver}: please decide on expense {expense['id']} of {expense['employee']}, {expense['amount']:.2f} ({path})")
    print(f"task token: {event['taskToken']}")
    return {"file": path}
