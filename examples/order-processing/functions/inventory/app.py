"""The stock of the shop: reserving and releasing articles, in a small JSON file.

Both functions may be called twice for one order (a workflow calls at least once), so a reservation is kept under its order.
"""
import fcntl
import json
import os
import tempfile
from contextlib import contextmanager

FOLDER = os.environ.get("STATE_FOLDER") or os.path.join(tempfile.gettempdir(), "stepwell-examples")
FILE = os.path.join(FOLDER, "inventory.json")
FIRST_STOCK = {"BOOK-1": 1000, "LAMP-7": 500, "DESK-3": 2}


class OutOfStock(Exception):
    """There is not enough of an article."""


def reserve(event, context):
    """Takes the articles of `{orderId, items}` from the stock; raises OutOfStock and takes nothing."""
    order, items = event["orderId"], event["items"]
    with inventory() as state:
        if order in state["reservations"]:
            return {"reservationId": f"R-{order}", "items": state["reservations"][order], "repeated": True}
        missing = [item["sku"] for item in items if state["stock"].get(item["sku"], 0) < item["quantity"]]
        if missing:
            raise OutOfStock(f"order {order}: not enough of {', '.join(missing)}")
        for item in items:
            state["stock"][item["sku"]] -= item["quantity"]
        state["reservations"][order] = items
    print(f"reserved {len(items)} articles for order {order}")
    return {"reservationId": f"R-{order}", "items": items, "repeated": False}


def release(event, context):
    """Puts the articles of `{orderId}` back; an order without a reservation is no error."""
    order = event["orderId"]
    with inventory() as state:
        items = state["reservations"].pop(order, [])
        for item in items:
            state["stock"][item["sku"]] += item["quantity"]
    print(f"released {len(items)} articles of order {order}")
    return {"released": items}


@contextmanager
def inventory():
    """The state under a lock; it is saved unless the block raises."""
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FILE}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = {"stock": dict(FIRST_STOCK), "reservations": {}}
        if os.path.exists(FILE):
            with open(FILE) as file:
                state = json.load(file)
        yield state
        with open(f"{FILE}.new", "w") as file:
            json.dump(state, file, indent=1)
        os.replace(f"{FILE}.new", FILE)
