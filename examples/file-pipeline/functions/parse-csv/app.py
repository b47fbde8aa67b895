"""Reads records from CSV."""
import csv
import io


class MalformedFile(Exception):
    """The file breaks the rules of its type."""


def handler(event, context):
    """Reads `{content}` with a header line; gives `{records: [{product, amount}], count}`."""
    rows = csv.DictReader(io.StringIO(event["content"]))
    if rows.fieldnames is None or not {"product", "amount"} <= set(rows.fieldnames):
        raise MalformedFile("the first line has to name the columns product and amount")
    records = []
    for row in rows:
        try:
            records.append({"product": row["product"], "amount": float(row["amount"])})
        except (TypeError, ValueError):
            raise MalformedFile(f"line {rows.line_num}: {row['amount']!r} is not a number") from None
    return {"records": records, "count": len(records)}
