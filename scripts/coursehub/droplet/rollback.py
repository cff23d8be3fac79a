"""Back to a generation that worked: in an instant, for it is still there."""

from __future__ import annotations

import time

from coursehub.droplet import generations
from coursehub.droplet.system import OperationFailed


def listing():
    """All complete generations, the latest installed first, each as {"generation", "current", "commit",
    "who", "installed", "worked", "rejected", "packages"}; `rejected` is None or who, when and why."""
    refused, present = generations.rejected(), generations.current()
    found = []
    for name in generations.present()[0]:
        it = generations.about(name) or {}
        known = {key: it.get(key) for key in ("commit", "who", "installed", "worked")}
        known |= {"packages": it.get("packages", {}), "rejected": refused.get(it.get("inputs"))}
        found.append({"generation": name, "current": name == present, **known})
    return sorted(found, key=lambda it: it["installed"] or 0, reverse=True)


def rollback(generation, who, reason):
    """Switch to `generation`, or with None to the latest other one that worked; the one that is left is
    recorded as rejected, so that a later deploy of the same request is not made unasked.

    Returns {"from", "to", "rejected_inputs", "commit_from"}.
    """
    left = generations.current()
    target = generation or previous(left)
    complete, _ = generations.present()
    if target not in complete:
        raise OperationFailed(
            f"there is no complete environment {target} on the droplet",
            f"choose one of: {', '.join(complete)}",
        )
    if target == left:
        raise OperationFailed(f"the environment {target} is the current one already", "name another one")
    it = (generations.about(left) if left else None) or {}
    chosen = generations.about(target)
    records = generations.rejected()
    # Whoever names an environment that was rejected earlier wants it all the same.
    records.pop(chosen.get("inputs"), None)
    if it.get("inputs") and it["inputs"] != chosen.get("inputs"):
        records[it["inputs"]] = {"generation": left, "who": who, "when": time.time(), "reason": reason}
    # In this order, so that whoever was interrupted and tries again comes to the same environment.
    generations.write_rejected(records)
    generations.switch(target, {})
    return {"from": left, "to": target, "rejected_inputs": it.get("inputs"), "commit_from": it.get("commit")}


def previous(left):
    """The latest generation that worked, other than `left`."""
    others = [name for name in generations.worked() if name != left]
    if not others:
        raise OperationFailed(
            "there is no earlier environment to go back to",
            "correct environment.yml and deploy; the list of environments shows what the droplet has",
        )
    return others[0]
