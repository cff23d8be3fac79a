"""Backup policies of droplets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.cloud.core import Answer, Call, Route, found, page
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.state import Record

HOURS = (0, 4, 8, 12, 16, 20)
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
WINDOW = 4  # hours
RETENTION = {"daily": 7, "weekly": 28}  # days


def policy(wanted: Mapping[str, Any] | None) -> Record:
    """The policy that a body asks for. Nothing means daily. Raises ApiError (422)."""
    asked = dict(wanted or {"plan": "daily"})
    plan, hour = asked.get("plan"), asked.get("hour", 0)
    if plan not in RETENTION:
        raise unprocessable("backup policy: plan must be daily or weekly")
    if hour not in HOURS:
        raise unprocessable(f"backup policy: hour must be one of {HOURS}")
    result = {
        "plan": plan,
        "hour": hour,
        "window_length_hours": WINDOW,
        "retention_period_days": RETENTION[plan],
    }
    if plan == "weekly":
        if asked.get("weekday", "SUN") not in WEEKDAYS:
            raise unprocessable(f"backup policy: weekday must be one of {WEEKDAYS}")
        result["weekday"] = asked.get("weekday", "SUN")
    return result


def next_window(entry: Mapping[str, Any] | None) -> Record | None:
    """When the next backup is made; None without backups."""
    if not entry:
        return None
    present = datetime.now(UTC)
    start = present.replace(hour=entry["hour"], minute=0, second=0, microsecond=0)
    while (
        start <= present or entry.get("weekday", start.strftime("%a").upper()) != start.strftime("%a").upper()
    ):
        start += timedelta(days=1)
    end = start + timedelta(hours=WINDOW)
    return {"start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")}


def policy_view(droplet: Record) -> Record:
    """A droplet's policy as the API shows it."""
    enabled = droplet["backup_policy"] is not None
    shown: Record = {"droplet_id": droplet["id"], "backup_enabled": enabled}
    if enabled:
        window = next_window(droplet["backup_policy"])
        shown |= {"backup_policy": droplet["backup_policy"], "next_backup_window": window}
    return shown


def get_policy(call: Call) -> Answer:
    """One droplet's."""
    return Answer(200, {"policy": policy_view(found(call.state.droplets, call.parameters["droplet"]))})


def list_policies(call: Call) -> Answer:
    """All droplets', by their ids."""
    droplets = [entry for entry in call.state.droplets.values() if entry["backup_policy"]]
    answer = page(call, "policies", map(policy_view, droplets))
    shown = {str(entry["droplet_id"]): entry for entry in answer.body["policies"]}
    return Answer(200, {**answer.body, "policies": shown})


def list_supported(call: Call) -> Answer:
    """What one can ask for."""
    common = {"possible_window_starts": list(HOURS), "window_length_hours": WINDOW}
    supported = [
        {**common, "name": plan, "retention_period_days": days, "possible_days": list(WEEKDAYS)}
        for plan, days in RETENTION.items()
    ]
    supported[0]["possible_days"] = []
    return Answer(200, {"supported_policies": supported})


def list_backups(call: Call) -> Answer:
    """The backups that were made: none, for no droplet here becomes a day old."""
    found(call.state.droplets, call.parameters["droplet"])
    return page(call, "backups", [])


ROUTES = (
    Route("GET", "/v2/droplets/backups/policies", "droplet:read", list_policies),
    Route("GET", "/v2/droplets/backups/supported_policies", "droplet:read", list_supported),
    Route("GET", "/v2/droplets/{droplet}/backups", "droplet:read", list_backups),
    Route("GET", "/v2/droplets/{droplet}/backups/policy", "droplet:read", get_policy),
)
