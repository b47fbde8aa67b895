"""Adds up records by product."""
from collections import defaultdict
from decimal import Decimal


def handler(event, context):
    """Sums `{records}`; gives `{products: [{product, amount}], total}`, the largest first."""
    sums = defaultdict(Decimal)
    for record in event["records"]:
        sums[record["product"]] += Decimal(str(record["amount"]))
    products = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "products": [{"product": product, "amount": float(amount)} for product, amount in products],
        "total": float(sum(sums.values())),
    }
