"""The record of states and measures: gaps are unknown, the order does not matter, nothing grows for ever."""

import json
import random

import pytest

from coursehub.status import history, keeping, series
from coursehub.status.check import check_from
from coursehub.status.model import DEGRADED, DOWN, MAINTENANCE, UNKNOWN, UP, Check

START = 1_790_000_000 // 86400 * 86400.0
"""A midnight of UTC."""
QUARTER = 900.0
DAY = 86400.0


def record_of(*checks, record=None):
    for at, state in checks:
        record = history.with_state(record or {}, START + at, state)
    return record


def every_quarter(begin, end, state):
    times = range(int(begin), int(end), int(QUARTER))
    return [(at, state) for at in times]


def seconds(record, date):
    return dict(zip(history.KINDS, record["days"].get(date, [0] * 4), strict=True))


def test_a_day_of_checks():
    checks = [*every_quarter(0, 6 * 3600, UP), *every_quarter(6 * 3600, 7 * 3600, DOWN)]
    checks += every_quarter(7 * 3600, 8 * 3600, DEGRADED) + every_quarter(8 * 3600, DAY + 1, UP)
    record = record_of(*checks)
    (day,) = [one for one in history.days(record, START + 2 * DAY) if one.date == history.date_of(START)]
    assert day.down == pytest.approx(1 / 24) and day.degraded == pytest.approx(1 / 24)
    assert day.up == pytest.approx(23 / 24)
    uptime, known = history.uptime(record, START + DAY)
    assert uptime == pytest.approx(23 / 24, abs=1e-3) and known == pytest.approx(1.0, abs=0.02)


def test_a_gap_is_unknown_and_never_up():
    record = record_of(*every_quarter(0, 3600, UP), (12 * 3600, UP))
    known = seconds(record, history.date_of(START))
    # The last check before the gap speaks for three quarters of an hour, and no longer.
    assert known[UP] == 4 * 900 - 900 + history.LEAST_GAP
    assert record["since"] == [UP, START + 12 * 3600]
    day = history.days(record, START + DAY)[-2]
    assert day.up < 0.08 and day.down == 0


def test_a_down_before_a_gap_is_not_down_throughout():
    record = record_of((0, DOWN), (20 * 3600, UP))
    assert seconds(record, history.date_of(START))[DOWN] == history.FIRST_GAP


def test_hourly_checks_leave_no_gaps():
    record = record_of(*[(hour * 3600, UP) for hour in range(25)])
    assert seconds(record, history.date_of(START))[UP] == DAY
    assert record["since"] == [UP, START]


def test_what_is_unknown_counts_for_nothing():
    record = record_of(*every_quarter(0, 6 * 3600, UNKNOWN), *every_quarter(6 * 3600, DAY + 1, MAINTENANCE))
    assert history.uptime(record, START + DAY)[0] is None
    assert history.uptime(record, START + DAY)[1] == pytest.approx(0.75, abs=0.01)


def test_since_lasts_longer_than_what_is_kept_one_by_one():
    record = record_of(*[(hour * 3600, UP) for hour in range(24 * 20)])
    assert record["since"] == [UP, START]
    assert len(record["checks"]) <= 24 * 8 + 1


def test_a_day_keeps_its_seconds_when_its_checks_are_gone():
    record = record_of(*[(hour * 3600, DOWN if hour == 5 else UP) for hour in range(24 * 30)])
    assert seconds(record, history.date_of(START)) == {UP: 23 * 3600, DEGRADED: 0, DOWN: 3600, MAINTENANCE: 0}
    for back in range(1, 29):
        assert sum(record["days"][history.date_of(START + back * DAY)]) == DAY


@pytest.mark.parametrize("seed", range(8))
def test_in_whichever_order_they_come_the_record_is_the_same(seed):
    chance = random.Random(seed)
    at, checks = 0.0, []
    for _ in range(150):
        at += chance.choice([600, 900, 1200, 3600, 20_000])
        checks.append((at, chance.choice([UP, UP, UP, DOWN, DEGRADED, UNKNOWN, MAINTENANCE])))
    checks = [one for one in checks if one[0] < 6 * DAY]
    usual = record_of(*checks)
    doubled = record_of(*checks, *checks)
    shuffled = chance.sample(checks, len(checks))
    other = record_of(*shuffled)
    assert doubled == usual == other
    total = sum(sum(values) for values in usual["days"].values())
    assert total <= checks[-1][0] - checks[0][0] + 1


@pytest.mark.parametrize("seed", range(6))
def test_checks_that_come_as_they_like_leave_no_gap_at_the_edge_of_what_is_kept(seed):
    """Two checks within the last minutes of a day, and the day a week before lost its first minutes."""
    chance, at, checks = random.Random(seed), 0.0, []
    while at < 13 * DAY:
        checks.append((at, UP))
        at += round(900 * chance.uniform(0.1, 2.0))
    record = record_of(*checks)
    assert {sum(values) for values in list(record["days"].values())[:12]} == {DAY}
    assert record["since"] == [UP, START]
    late = sorted(checks, key=lambda one: one[0] + chance.uniform(0, 2 * DAY))
    assert record_of(*late) == record


@pytest.mark.parametrize(("first", "then"), [(3600, 900), (900, 3600)])
def test_another_spacing_changes_nothing_of_what_was(first, then):
    """A repository is made public, or private: a gap of two hours stays one, and what was known stays so."""
    gap = range(30 * 3600, 32 * 3600 + 1800)
    checks = [(at, UP) for at in range(0, int(2 * DAY), first) if at not in gap]
    before = record_of(*checks, (2 * DAY, UP))
    after = record_of(*[(2 * DAY + at, UP) for at in range(0, int(4 * DAY), then)], record=before)
    dates = [history.date_of(START), history.date_of(START + DAY)]
    known = [sum(after["days"][date]) for date in dates]
    assert known == [sum(before["days"][date]) for date in dates]
    assert known == [DAY, DAY - (5400 if first == 3600 else 7200)]


def test_a_check_that_comes_weeks_late_changes_nothing():
    record = record_of(*[(hour * 3600, UP) for hour in range(24 * 20)])
    assert history.with_state(record, START + 100, DOWN) == record


def test_ten_years_are_small_and_no_longer_grow():
    """What ten years leave, in bytes, and that a further day does not add to it."""
    dates = [history.date_of(START - day * DAY) for day in range(1, 5000)]
    record = {"days": {date: [80_000, 1000, 1000, 1000] for date in reversed(dates)}, "first": 0}
    numbers = {"days": [[START - day * DAY, 1.2345] for day in reversed(range(1, 5000))]}
    numbers["hours"] = [[START - hour * 3600, 1.2345] for hour in reversed(range(1, 5000))]
    times = [round(START + number * QUARTER) for number in range(96 * 9)]
    record["checks"] = [[at, UP] for at in times]
    numbers["fine"] = [[at, at / 7] for at in times]
    for number in range(96 * 9, 96 * 9 + 10):
        record = history.with_state(record, START + number * QUARTER, UP)
        numbers = series.with_value(numbers, START + number * QUARTER, number / 7)
    assert len(record["days"]) == history.DAYS_KEPT == len(numbers["days"])
    assert len(numbers["hours"]) == series.HOURS_KEPT
    assert len(record["checks"]) - 1 == 96 * 8 == len(numbers["fine"])
    assert len(keeping.compact(record)) < 170_000 and len(keeping.compact(numbers)) < 200_000


def test_measures_are_thinned_as_they_age():
    record = {}
    for number in range(4 * 24 * 11):
        record = series.with_value(record, START + number * QUARTER, float(number % 4))
    shown = series.series(record, START + 11 * DAY)
    assert shown == tuple(sorted(shown))
    old = [number for at, number in shown if at < START + 2 * DAY]
    assert len(old) == 48 and set(old) == {1.5}
    assert len([one for one in shown if one[0] >= START + 4 * DAY]) >= 96 * 6
    assert record["days"][0] == [START, 1.5]


def test_without_a_value_nothing_is_kept():
    assert series.with_value({}, START, None) == {}
    record = series.with_value({}, START, 2.0)
    assert series.with_value(record, START + 900, None) == record
    assert series.with_value(record, START, 2.0) == record


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"checks": 7}', '{"checks": [["x", 1]]}', '"text"'])
def test_a_file_that_cannot_be_read_begins_anew(text):
    record = keeping.read(lambda path: text)
    after = keeping.with_check(record, Check(START, UP, seconds=0.2), ())
    written = keeping.files(after)
    assert json.loads(written[keeping.STATE])["checks"] == [[START, UP]]
    assert keeping.read(written.get).state == after.state


def test_a_check_is_read_whatever_is_in_it():
    for result in (None, {}, [], {"state": 7, "findings": "x", "inside": 3, "healed": {}, "canary": 1}):
        check = check_from(result, START)
        assert check.state == UNKNOWN and check.at == START
    told = {
        "at": START,
        "state": "down",
        "title": "The hub is down",
        "seconds": 0.4,
        "findings": [{"name": "hub", "level": "failure", "seen": "no answer", "fix": "restart", "why": "x"}],
        "healed": ["restarted the hub"],
        "certificate_days": 40.5,
        "inside": {
            "servers": 3,
            "acts": [{"at": START - 5, "words": "emptied"}, {"at": START - 9000, "words": "long ago"}],
            "capacity": {
                "memory": {"total": 4.0, "available": 1.0},
                "disks": {"/": {"part": 0.4, "free": 1}, "/home": {"part": 0.1, "free": 1}},
            },
        },
    }
    check = check_from(told, START, since=START - 900)
    assert (check.memory, check.disk, check.students) == (0.75, 0.9, 3)
    assert check.done == ("emptied", "restarted the hub")
    assert check.findings[0].why == "x" and check.certificate == 40.5
