"""scripts/costs.py: a known state at a known time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from provisioned import SECRET, changed, new_course
from script_runs import act, add_what_is_not_the_courses, deployed, scopes_of
from test_provisioning import FULL

from coursehub.lifecycle import costs
from coursehub.lifecycle.told import markdown
from coursehub.names import names_from
from coursehub.timetable import timetable_from

NAMES = names_from(SECRET)
MADE = "2026-02-27T22:00:00Z"
NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
HOURS = 50
"""From the beginning of March until then."""
DROPLET, BACKUPS, VOLUME = 24.0, 4.8, 2.0


@pytest.fixture
def course(server, tmp_path):
    """Everything made in February."""
    made = deployed(tmp_path / "course", server, FULL)
    age(server, MADE)
    return made


def age(server, moment: str) -> None:
    with server.lock:
        for records in (server.state.droplets, server.state.volumes, server.state.snapshots):
            for record in records.values():
                record["created_at"] = moment


def items(told) -> dict[str, dict]:
    return {item["name"].split(" (")[0].split(" coursehub")[0]: item for item in told.values["items"]}


def test_a_month_and_this_month_so_far(course):
    told = act(course, costs, now=NOW)
    assert told.values["monthly"] == pytest.approx(DROPLET + BACKUPS + VOLUME)
    assert told.values["so_far"] == pytest.approx((DROPLET + BACKUPS + VOLUME) * HOURS / 672, abs=0.01)
    assert items(told)["Volume"]["so_far"] == pytest.approx(VOLUME * HOURS / 672, abs=0.01)
    assert told.values["unused"] == [] and told.values["not_included"]


def test_a_month_never_costs_more_than_its_price(course):
    told = act(course, costs, now=NOW.replace(day=31))
    assert told.values["so_far"] == told.values["monthly"] == pytest.approx(30.8)


def test_what_was_made_this_month_costs_from_then_on(course, server):
    age(server, "2026-03-02T16:00:00Z")
    told = act(course, costs, now=NOW)
    assert items(told)["Droplet hub.school.edu"]["so_far"] == pytest.approx(DROPLET * 10 / 672, abs=0.01)


def test_a_share_for_each_student(course):
    students = replace(course, settings=replace(course.settings, users=tuple(f"s{n}" for n in range(10))))
    told = act(students, costs, now=NOW)
    assert told.values["per_student"] == 3.08 and "each of 10 students: $3.08" in told.notes[0]
    assert act(course, costs, now=NOW).values["per_student"] is None


def test_the_hours_of_the_timetable(course, client):
    """Mondays from 9 to 12: 13 of the 52 hours of a month that have been, on March 2nd."""
    hours = timetable_from("UTC", ["monday 09:00-12:00 s-4vcpu-8gb"])
    weekly = replace(course, settings=replace(course.settings, timetable=hours))
    told = act(weekly, costs, now=NOW)
    extra = items(told)["Its other size in the timetable's hours"]
    assert extra["monthly"] == pytest.approx(3 * 4.348 * 24 / 672, abs=0.01)
    assert extra["so_far"] == pytest.approx(3 * 24 / 672, abs=0.01)


def test_what_is_billed_though_unused(course, client):
    (volume,) = client.volumes.list()["volumes"]
    for day in ("2026-01-31", "2026-02-28"):
        body = {"name": f"{NAMES.tag}-archive-{day}", "tags": []}
        client.volume_snapshots.create(volume["id"], body=body)
    (droplet,) = client.droplets.list()["droplets"]
    client.droplet_actions.post(droplet["id"], body={"type": "power_off"})
    client.droplets.list()
    told = act(course, costs, now=datetime.now(UTC))
    reasons = {item["unused"] for item in told.values["items"]} - {""}
    assert reasons == {
        "switched off, and billed all the same", "there is a newer one", "the hub runs without it"
    }  # fmt: skip


def test_a_volume_and_an_address_without_a_droplet(course, client):
    (droplet,) = client.droplets.list()["droplets"]
    client.droplets.destroy(droplet["id"])
    client.droplets.list()
    told = act(course, costs, now=NOW)
    assert told.values["monthly"] == VOLUME + 5.0
    assert items(told)["Volume"]["unused"] == "no droplet uses it"
    assert len(told.values["unused"]) == 2


def test_nothing_of_others_is_counted(course, server, client):
    before = act(course, costs, now=NOW).values["monthly"]
    add_what_is_not_the_courses(server, client)
    assert act(course, costs, now=NOW).values["monthly"] == before


def test_a_course_that_has_nothing(server, tmp_path):
    told = act(new_course(tmp_path / "empty", server, FULL), costs, now=NOW)
    assert told.values["monthly"] == 0 and told.values["items"] == []


def test_the_accounts_own_count_beside_it(course, server):
    with server.lock:
        server.state.balance["month_to_date_usage"] = "41.70"
    assert act(course, costs, now=NOW).values["account_month_to_date"] == 41.7


def test_a_token_that_may_not_read_bills(course, server, tmp_path):
    with server.lock:
        server.state.tokens["dop_v1_without_billing"] = [*scopes_of("A deploy")]
    limited = new_course(tmp_path / "same", server, FULL, token="dop_v1_without_billing")
    told = act(limited, costs, now=NOW)
    assert told.values["account_month_to_date"] is None and told.values["monthly"] > 0


def test_the_job_summary(course):
    text = markdown(act(course, costs, now=NOW))
    assert text.startswith("### The course costs $30.80 a month, $2.29 this month so far")
    assert "| Droplet hub.school.edu (s-2vcpu-4gb) | $24.00 | $1.79 |  |" in text


def test_changed_backups(course, client):
    changed(course, "droplet", backups="none").deploy()
    assert act(course, costs, now=NOW).values["monthly"] == DROPLET + VOLUME
