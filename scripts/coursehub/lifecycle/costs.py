"""`scripts/costs.py`: what the course costs, computed from what it has and DigitalOcean's prices."""

from __future__ import annotations

from ..cloud.api import Account
from ..cloud.bill import NOT_INCLUDED
from ..cloud.errors import Refused
from ..problems import Failure
from .command import Work
from .command import run as run_command
from .told import Told, amount, bill_table, item_value, rounded

FORBIDDEN = 403


def run(description: str) -> int:
    return run_command(description, act)


def act(work: Work) -> Told:
    """The bill, for the class and for each student. Changes nothing. Raises Failure."""
    seen = work.look()
    found = work.bill(seen)
    students = len(work.settings.users)
    each = found.monthly / students if students else None
    usage = used_by_account(work.target.account)
    title = f"The course costs {amount(found.monthly)} a month, {amount(found.so_far)} this month so far"
    notes = [f"For each of {students} students: {amount(each)} a month"] if students else []
    for item in found.unused:
        notes.append(f"Billed though unused: {item.name}, {amount(item.monthly)} a month: {item.unused}")
    if usage is not None:
        notes.append(f"DigitalOcean's own count for the whole account this month: {amount(usage)}")
    notes.append("Not included: " + "; ".join(NOT_INCLUDED))
    values = {
        "monthly": rounded(found.monthly),
        "so_far": rounded(found.so_far),
        "students": students,
        "per_student": rounded(each),
        "items": [item_value(item) for item in found.items],
        "unused": [item.name for item in found.unused],
        "account_month_to_date": usage,
        "not_included": list(NOT_INCLUDED),
    }
    return Told("told", title, tuple(notes), (bill_table("What is billed", found),), values)


def used_by_account(account: Account) -> float | None:
    """Dollars that the whole account has used this month, by DigitalOcean; None for a token that may not
    read bills."""
    try:
        balance = account.read("balance.get")
    except Failure as failure:
        if isinstance(failure.__cause__, Refused) and failure.__cause__.status == FORBIDDEN:
            return None
        raise
    return float(balance["month_to_date_usage"]) if balance else None
