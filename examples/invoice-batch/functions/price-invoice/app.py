"""Works out one invoice."""
from decimal import ROUND_HALF_UP, Decimal

TAX_PERCENT = {"DE": 19, "FR": 20, "CH": Decimal("8.1")}


class UnknownCountry(Exception):
    """There is no tax rate for the country."""


def handler(event, context):
    """Prices `{number, position, country, lines: [{text, quantity, unitPrice}]}`; gives net, tax and gross."""
    if event["country"] not in TAX_PERCENT:
        raise UnknownCountry(f"invoice {event['number']}: no tax rate for {event['country']}")
    net = sum((Decimal(str(line["unitPrice"])) * line["quantity"] for line in event["lines"]), Decimal(0))
    tax = cents(net * TAX_PERCENT[event["country"]] / 100)
    return {"number": event["number"], "status": "PRICED", "net": float(net), "tax": float(tax), "gross": float(net + tax)}


def cents(amount):
    """Rounds to cents, half up."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
