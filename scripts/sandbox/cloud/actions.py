"""Actions: work that takes its time, is looked at until it is completed, and keeps others waiting."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from coursehub.problems import Failure
from sandbox.cloud import catalogue
from sandbox.cloud.core import Answer, Call, Cloud, Route, found, page
from sandbox.cloud.errors import PENDING, not_found, unprocessable
from sandbox.cloud.state import Record, now

IN_PROGRESS = "in-progress"
SHOWN = ("id", "status", "type", "started_at", "completed_at", "resource_id", "resource_type", "region_slug")


def begin(
    cloud: Cloud,
    kind: str,
    subjects: Sequence[str],
    *,
    resource: tuple[str, int | None],
    region: str | None,
    arguments: Mapping[str, Any],
) -> Record:
    """Begin an action, and return it as it is shown at that moment: in progress.

    `subjects` are all that it works on, such as "droplet:12": none of them may be at work already, or this
    raises ApiError (422). The lock is held.
    """
    ensure_idle(cloud, subjects)
    resource_type, resource_id = resource
    action = {
        "id": cloud.state.next_id(),
        "status": IN_PROGRESS,
        "type": kind,
        "started_at": now(),
        "completed_at": None,
        "resource_id": resource_id,
        "resource_type": resource_type,
        "region_slug": region,
        "subjects": list(subjects),
        "arguments": dict(arguments),
        "looks": cloud.behaviour.polls,
        "done": False,
        "result": None,
        "error": "",
    }
    cloud.state.actions[str(action["id"])] = action
    shown = view(action)
    start(cloud, action)
    return shown


def start(cloud: Cloud, action: Record) -> None:
    """Do the action's work: now, or in a thread of its own."""
    if not cloud.behaviour.background:
        _work(cloud, action)
        return
    name = f"{action['type']} {action['id']}"
    worker = threading.Thread(target=_work, args=(cloud, action), name=name, daemon=True)
    cloud.workers.append(worker)
    worker.start()


def wait(cloud: Cloud, seconds: float) -> None:
    """Wait for the work that goes on. Raises Failure if some of it goes on longer than that."""
    deadline = time.monotonic() + seconds
    for worker in cloud.workers:
        worker.join(max(0.0, deadline - time.monotonic()))
        if worker.is_alive():
            raise Failure(f"the sandbox's API is still at work after {seconds:g} s: {worker.name}")
    cloud.workers.clear()


def resume(cloud: Cloud) -> None:
    """Take up the work that a killed server left; the arguments' `again` says that it may be half done."""
    for action in in_progress(cloud):
        if not action["done"]:
            action["arguments"]["again"] = True
            start(cloud, action)


def _work(cloud: Cloud, action: Record) -> None:
    result, error = None, ""
    try:
        result = cloud.kinds[action["type"]].perform(cloud, action["arguments"])
    except Failure as failure:
        error = str(failure)
    except Exception:
        error = traceback.format_exc()
        cloud.mistakes.append(error)
    if error:  # which the API keeps to itself
        print(f"{action['type']} {action['subjects']}: {error}", file=sys.stderr)
    with cloud.store.lock:
        action.update(done=True, result=result, error=error)
        _settle(cloud, action)
        cloud.store.save()


def _settle(cloud: Cloud, action: Record) -> None:
    """Let what was done be seen, when it has been looked at often enough."""
    if not action["done"] or action["looks"] > 0 or action["status"] != IN_PROGRESS:
        return
    try:
        if not action["error"]:
            cloud.kinds[action["type"]].apply(cloud, action["arguments"], action["result"])
    except Failure as failure:
        action["error"] = str(failure)
    action["status"] = "errored" if action["error"] else "completed"
    action["completed_at"] = now()


def in_progress(cloud: Cloud, subjects: Iterable[str] | None = None) -> Iterator[Record]:
    """The actions at work, on one of these subjects or on any."""
    wanted = None if subjects is None else set(subjects)
    for action in list(cloud.state.actions.values()):
        busy = action["status"] == IN_PROGRESS
        if busy and (wanted is None or wanted.intersection(action["subjects"])):
            yield action


def look(cloud: Cloud, *subjects: str) -> None:
    """Count a look at each of the subjects, before they are shown."""
    for action in in_progress(cloud, subjects):
        _look_at(cloud, action)


def _look_at(cloud: Cloud, action: Record) -> None:
    if action["looks"] > 0:
        action["looks"] -= 1
    else:
        _settle(cloud, action)


def ensure_idle(cloud: Cloud, subjects: Sequence[str]) -> None:
    """Raise ApiError (422) while one of the subjects is at work. Being refused is a look, too."""
    look(cloud, *subjects)
    if any(in_progress(cloud, subjects)):
        raise unprocessable(PENDING)


def view(action: Record) -> Record:
    """An action as the API shows it."""
    shown = {name: action[name] for name in SHOWN}
    if action["region_slug"]:
        shown["region"] = catalogue.region(action["region_slug"])
    return shown


def of(cloud: Cloud, subject: str) -> list[Record]:
    """A subject's actions, the newest first, as they are shown."""
    look(cloud, subject)
    return [
        view(action) for action in reversed(cloud.state.actions.values()) if subject in action["subjects"]
    ]


def one_of(cloud: Cloud, subject: str, identifier: str) -> Answer:
    """One action of a subject. Raises ApiError (404)."""
    action = found(cloud.state.actions, identifier)
    if subject not in action["subjects"]:
        raise not_found()
    return _shown(cloud, action)


def _shown(cloud: Cloud, action: Record) -> Answer:
    if action["status"] == IN_PROGRESS:
        _look_at(cloud, action)
    return Answer(200, {"action": view(action)})


def list_actions(call: Call) -> Answer:
    """All actions, the newest first."""
    return page(call, "actions", [view(action) for action in reversed(call.state.actions.values())])


def get_action(call: Call) -> Answer:
    """One action."""
    return _shown(call.cloud, found(call.state.actions, call.parameters["action"]))


ROUTES = (
    Route("GET", "/v2/actions", "actions:read", list_actions),
    Route("GET", "/v2/actions/{action}", "actions:read", get_action),
)
