"""Checks whether the applicant's papers are in order."""
from datetime import date


def handler(event, context):
    """Checks `{applicant: {birthDate, document: {number, expires}}, today}`; gives a score of 0 or 100."""
    applicant, today = event["applicant"], date.fromisoformat(event["today"])
    born = date.fromisoformat(applicant["birthDate"])
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    document = applicant.get("document") or {}
    faults = []
    if age < 18:
        faults.append(f"the applicant is {age} years old")
    if not document.get("number"):
        faults.append("there is no document")
    elif date.fromisoformat(document["expires"]) < today:
        faults.append(f"the document expired on {document['expires']}")
    return {"check": "identity", "score": 0 if faults else 100, "reason": "; ".join(faults) or "papers are in order"}
