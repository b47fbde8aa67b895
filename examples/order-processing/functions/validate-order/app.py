"""Checks an order and works out its total from the price list."""

PRICES_CENTS = {"BOOK-1": 2500, "LAMP-7": 4990, "DESK-3": 24900}


class InvalidOrder(Exception):
    """The order cannot be processed as it is; trying again does not help."""


def handler(event, context):
    """Gives `{orderId, itemCount, totalCents}`; raises InvalidOrder."""
    items = event.get("items") or []
    if not event.get("orderId"):
        raise InvalidOrder("the order has no orderId")
    if "@" not in event.get("customer", {}).get("email", ""):
        raise InvalidOrder(f"order {event['orderId']}: the customer has no e-mail address")
    if not items:
        raise InvalidOrder(f"order {event['orderId']} has no items")
    return {
        "orderId": event["orderId"],
        "itemCount": sum(quantity_of(item) for item in items),
        "totalCents": sum(price_of(item) * quantity_of(item) for item in items),
    }


def price_of(item):
    """The price of one piece, in cents."""
    if item.get("sku") not in PRICES_CENTS:
        raise InvalidOrder(f"there is no article {item.get('sku')!r}")
    return PRICES_CENTS[item["sku"]]


def quantity_of(item):
    """How many pieces are ordered."""
    quantity = item.get("quantity")
    if not isinstance(quantity, int) or quantity < 1:
        raise InvalidOrder(f"article {item.get('sku')!r}: the quantity has to be a whole number above 0")
    return quantity
