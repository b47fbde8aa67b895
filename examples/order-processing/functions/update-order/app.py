"""Writes an order's state down: one JSON file per order."""
import json
import os
import tempfile

FOLDER = os.path.join(os.environ.get("STATE_FOLDER") or os.path.join(tempfile.gettempdir(), "stepwell-examples"), "orders")


class OrderStoreReadOnly(Exception):
    """The store of orders takes no changes just now."""


def handler(event, context):
    """Stores `{orderId, status, details}`; with `storeIsReadOnly` it refuses, to show what happens then."""
    if event.get("storeIsReadOnly"):
        raise OrderStoreReadOnly(f"order {event['orderId']} cannot be updated")
    name = "".join(letter for letter in event["orderId"] if letter.isalnum() or letter in "-_")
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, f"{name}.json")
    with open(f"{path}.new", "w") as file:
        json.dump({"orderId": event["orderId"], "status": event["status"], "details": event.get("details")}, file, indent=1)
    os.replace(f"{path}.new", path)
    return {"orderId": event["orderId"], "status": event["status"]}
