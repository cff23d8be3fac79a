"""The badges: what they say of each state, and that they say nothing that is not known."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import status_example as example
from coursehub.status.badges import COLOURS, EDGE, GREEN, GREY, LABEL, SIGNS, badges
from coursehub.status.model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, UP

SVG = "{http://www.w3.org/2000/svg}"


def said(view) -> dict[str, str]:
    """What each badge says, by its name."""
    found = {}
    for path, picture in badges(view).items():
        root = ElementTree.fromstring(picture)
        name = path.removeprefix("badges/").removesuffix(".svg")
        found[name] = " | ".join(one.text for one in root.iter(f"{SVG}text"))
        assert root.get("role") == "img"
        assert root.get("aria-label") == root.find(f"{SVG}title").text
        assert "checked 30 Nov 12:40 UTC" in root.get("aria-label")
    return found


def colour(view, name: str) -> str:
    root = ElementTree.fromstring(badges(view)[f"badges/{name}.svg"])
    return [one.get("fill") for one in root.iter(f"{SVG}rect")][2]


def test_a_hub_that_is_well():
    assert said(example.view(uptime=0.99964)) == {
        "status": "hub | up since 28 Nov, checked 30 Nov 12:40 UTC",
        "uptime": "uptime, 30 days | 99.96 %",
        "response-time": "response time | 0.21 s",
        "environment": "environment | a81fec4",
        "certificate": "certificate | 71 days",
        "students": "students | 23 active, 30 Nov 12:40 UTC",
    }


@pytest.mark.parametrize("state", [UP, DEGRADED, DOWN, UNKNOWN, MAINTENANCE])
def test_the_state_says_its_name_its_colour_and_when_it_was_seen(state):
    view = example.view(check=example.check(state=state), since=example.at(11, 30, 7, 5))
    assert said(view)["status"] == f"hub | {state} since 30 Nov 07:05, checked 30 Nov 12:40 UTC"
    assert colour(view, "status") == COLOURS[state]


def test_no_hub_has_no_numbers():
    view = example.view(check=example.check(state=NONE, seconds=None, students=None, certificate=None))
    words = said(view)
    assert words["status"] == "hub | none, checked 30 Nov 12:40 UTC"
    assert {words[name] for name in ("certificate", "students")} == {
        "certificate | no hub",
        "students | no hub",
    }
    assert colour(view, "status") == GREY


@pytest.mark.parametrize("state", [UNKNOWN, "no such state", ""])
def test_what_is_unknown_is_never_green(state):
    view = example.view(check=example.check(state=state), uptime=None, known=0.0, environment="")
    assert said(view)["status"].startswith("hub | unknown")
    for path, picture in badges(view).items():
        assert GREEN not in picture, path
    assert {colour(view, name) for name in ("response-time", "students", "certificate")} == {GREY}


def test_a_check_that_is_too_old_says_nothing_of_now():
    view = example.view(now=example.NOW + 4 * 3600)
    assert said(view)["status"] == "hub | unknown, last checked 30 Nov 12:40 UTC"
    assert said(view)["students"] == "students | unknown"


def test_numbers_that_are_missing():
    check = example.check(seconds=None, students=None, certificate=float("nan"))
    words = said(example.view(check=check))
    assert all(words[name].endswith("unknown") for name in ("response-time", "students", "certificate"))
    assert said(example.view(check=example.check(state=DOWN)))["response-time"].endswith("no answer")


@pytest.mark.parametrize(
    ("days", "words", "state"),
    [
        (-1, "expired", DOWN),
        (0.5, "less than a day", DOWN),
        (2.9, "2 days", DOWN),
        (3, "3 days", DEGRADED),
        (9.9, "9 days", DEGRADED),
        (10, "10 days", UP),
    ],
)
def test_the_certificates_days(days, words, state):
    view = example.view(check=example.check(certificate=days))
    assert said(view)["certificate"] == f"certificate | {words}"
    assert colour(view, "certificate") == COLOURS[state]


def test_a_hub_without_encryption_has_no_certificate():
    view = example.view(check=example.check(url="http://203.0.113.7", certificate=None))
    assert said(view)["certificate"] == "certificate | none: no https"


@pytest.mark.parametrize(
    ("uptime", "known", "words"),
    [
        (1.0, 1.0, "100 %"),
        (0.999999, 1.0, "99.99 %"),
        (0.9987, 0.871, "99.87 % of 87 % known"),
        (0.9987, 0.989, "99.87 % of 99 % known"),
        (0.9987, 0.0001, "99.87 % of 1 % known"),
        (0.0, 1.0, "0 %"),
        (None, 0.5, "unknown"),
    ],
)
def test_uptime_is_never_rounded_to_all_and_tells_gaps(uptime, known, words):
    assert said(example.view(uptime=uptime, known=known))["uptime"] == f"uptime, 30 days | {words}"


def test_uptime_of_less_than_half_the_time_is_grey():
    assert colour(example.view(uptime=1.0, known=0.4), "uptime") == GREY


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script> & \"'", "\u202eevil\u202c", "דוגמה", "a\x00\x1b\ud800b", "x" * 5000, ""],
)
def test_any_name_can_stand_in_a_picture(name):
    for picture in badges(example.view(name=name, environment=name)).values():
        root = ElementTree.fromstring(picture.encode())
        assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
            *("svg", "title", "clipPath", "g", "rect", "path", "text"),
        }
        assert "\u202e" not in picture
        assert len(picture) < 4000


def test_pictures_ask_for_nothing():
    for picture in badges(example.view()).values():
        assert not re.search(r"href|@import|<style|<image|url\((?!#)", picture)
        assert re.findall(r"https?://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]


def test_white_words_can_be_read_on_each_colour():
    def brightness(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for one in (LABEL, *SIGNS):
        assert 1.05 / (brightness(one) + 0.05) >= 4.5
    # The edge sets the label apart from GitHub's dark page.
    assert (brightness(EDGE) + 0.05) / (brightness("#0d1117") + 0.05) > 3
