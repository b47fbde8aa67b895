"""Scores what an applicant can afford."""


class CreditBureauError(Exception):
    """The credit bureau does not know the applicant."""


def handler(event, context):
    """Scores `{applicant: {name, monthlyIncome, monthlyDebt}, amount, months}` from 0 (bad) to 100."""
    applicant = event["applicant"]
    income, debt = applicant.get("monthlyIncome"), applicant.get("monthlyDebt", 0)
    if income is None:
        raise CreditBureauError(f"nothing is known about {applicant['name']}")
    rate = event["amount"] / event["months"]
    left = income - debt - rate
    score = 0 if income <= 0 else max(0, min(100, round(100 * left / income)))
    return {"check": "credit", "score": score, "reason": f"{left:.2f} a month are left"}
