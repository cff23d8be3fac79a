"""Make the synthetic tide-gauge record of Port Selene (standard library only).

    python make_port_selene.py            writes port-selene-2025.csv beside this file
    python make_port_selene.py -          prints it

The harbour is invented; the frequencies of its tide are the real ones. README.md says what the record is
made of. The seed is fixed, so the file comes out the same each time.
"""

import math
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

SEED = 1837
START = datetime(2025, 1, 1)  # UTC
HOURS = 120 * 24  # January to April

MEAN_LEVEL = 3.20  # metres above the gauge's zero

# name: (speed in degrees an hour, amplitude in metres, phase lag in degrees at START)
CONSTITUENTS = {
    "M2": (28.9841042, 1.20, 110.0),
    "S2": (30.0000000, 0.42, 122.0),
    "N2": (28.4397295, 0.25, 18.0),
    "K1": (15.0410686, 0.10, 65.0),
    "O1": (13.9430356, 0.08, 310.0),
    "M4": (57.9682084, 0.06, 200.0),
}

MEAN_PRESSURE = 1014.0  # hPa
PRESSURE_SPREAD = 8.0  # hPa, standard deviation of the weather
METRES_PER_HPA = -0.010  # the sea sinks under heavy air: the inverse barometer

STORM = START + timedelta(days=50, hours=18)  # 20 February, 18:00
STORM_DEPTH, STORM_WIDTH = 30.0, 20.0  # hPa, hours
SURGE_HEIGHT, SURGE_WIDTH = 0.45, 7.0  # metres that the wind piles up, hours
SURGE_DELAY = 4.0  # hours after the lowest pressure

GAUGE_NOISE = 0.03  # metres, standard deviation

OUTAGE = (START + timedelta(days=67, hours=9), 76)  # from, hours without a line
SENT_TWICE = (START + timedelta(days=99), 24)  # from, hours that are there twice
FAULT = -9.99  # what the logger writes when the float is stuck
FAULTS = (
    (START + timedelta(days=17, hours=3), 5),
    (START + timedelta(days=38, hours=20), 1),
    (START + timedelta(days=83, hours=11), 9),
)


def bell(hour, centre, width):
    """A Gaussian of height 1."""
    return math.exp(-0.5 * ((hour - centre) / width) ** 2)


def weather(generator):
    """Hourly air pressure in hPa: noise smoothed twice (12 and 60 hours), and one storm."""
    fast = slow = 0.0
    values = []
    for _ in range(HOURS + 1000):  # the first 1000 hours settle the filters
        fast += (generator.gauss(0, 1) - fast) / 12
        slow += (fast - slow) / 60
        values.append(slow)
    values = values[1000:]
    mean = sum(values) / HOURS
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / HOURS)
    storm = (STORM - START) / timedelta(hours=1)
    return [
        MEAN_PRESSURE
        + PRESSURE_SPREAD * (value - mean) / spread
        - STORM_DEPTH * bell(hour, storm, STORM_WIDTH)
        for hour, value in enumerate(values)
    ]


def tide(hour):
    """Height of the tide in metres above the mean level, `hour` hours after START."""
    return sum(
        amplitude * math.cos(math.radians(speed * hour - lag))
        for speed, amplitude, lag in CONSTITUENTS.values()
    )


def measurements():
    """Yield (time, level in metres, pressure in hPa) as a faultless gauge would log them."""
    generator = random.Random(SEED)
    surge = (STORM - START) / timedelta(hours=1) + SURGE_DELAY
    for hour, pressure in enumerate(weather(generator)):
        level = (
            MEAN_LEVEL
            + tide(hour)
            + METRES_PER_HPA * (pressure - MEAN_PRESSURE)
            + SURGE_HEIGHT * bell(hour, surge, SURGE_WIDTH)
            + generator.gauss(0, GAUGE_NOISE)
        )
        yield START + timedelta(hours=hour), level, pressure


def within(time, span):
    """Is `time` in the span (first hour, number of hours)?"""
    first, hours = span
    return first <= time < first + timedelta(hours=hours)


def record():
    """The lines of the file, with the faults of a real logger."""
    lines, again = [], []
    for time, level, pressure in measurements():
        if within(time, OUTAGE):
            continue
        if any(within(time, fault) for fault in FAULTS):
            level = FAULT
        line = f"{time:%Y-%m-%d %H:%M},{level:.2f},{pressure:.1f}"
        lines.append(line)
        if within(time, SENT_TWICE):
            again.append(line)
            if len(again) == SENT_TWICE[1]:
                lines += again
    return ["time_utc,level_m,pressure_hpa", *lines]


if __name__ == "__main__":
    text = "\n".join(record()) + "\n"
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(text)
    else:
        Path(__file__).with_name("port-selene-2025.csv").write_text(text, encoding="utf-8")
