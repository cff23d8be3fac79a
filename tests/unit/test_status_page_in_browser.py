"""The status page in a browser: on a phone and on a large screen, by day and by night, and grown old."""

from __future__ import annotations

import re

import pytest

import status_example as example
from chromium import Page, browser
from coursehub.status import page as module
from coursehub.status.model import DOWN, Check, Finding, Incident, View
from coursehub.status.page import page

LONG = "anamewithoutaplacetobreak" * 4
CRAMPED = example.view(
    name=LONG,
    check=example.check(
        state=DOWN, title=LONG, cause=LONG, fix=LONG, done=(LONG,), findings=(Finding(LONG, "failure", LONG),)
    ),
    incidents=(Incident(example.NOW - 900, DOWN, LONG, cause=LONG, done=(LONG,), issue=7),),
)
EMPTY = View("Course", example.NOW, Check(example.NOW - 60, "up"), example.NOW - 60, None, 0.0, ())
VIEWS = {"rich": example.view(), "cramped": CRAMPED, "empty": EMPTY}
WATCH = """
window.wrong = [];
document.addEventListener("securitypolicyviolation", (event) => wrong.push(event.violatedDirective));
window.addEventListener("error", (event) => wrong.push(event.message));
console.error = (...words) => wrong.push(words.join(" "));
window.setInterval = (look) => { window.look = look; };
window.clock = %d;
Date.now = () => window.clock;
"""


def shown(tab: Page, view: View, folder, later: float) -> str:
    """Open the page so many seconds after it was written; its address."""
    file = folder / "index.html"
    file.write_text(page(view), encoding="utf-8")
    tab.command("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
    tab.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH % ((view.now + later) * 1000))
    tab.open(file.as_uri())
    tab.wait_for("document.readyState == 'complete'")
    return file.as_uri()


@pytest.mark.parametrize("name", VIEWS)
def test_it_fits_asks_for_nothing_and_nothing_goes_wrong(name, tmp_path):
    with browser() as tab:
        address = shown(tab, VIEWS[name], tmp_path, 240)
        for width in (320, 360, 1280):
            colours = set()
            for scheme in ("light", "dark"):
                tab.resize(width, 900, scheme)
                assert tab.run("document.documentElement.scrollWidth") <= width
                colours.add(tab.run("getComputedStyle(document.body).backgroundColor"))
            assert len(colours) == 2
        tab.run("document.querySelector('details')?.setAttribute('open', '')")
        assert tab.run("document.documentElement.scrollWidth") <= 1280
        assert tab.run("window.wrong") == []
        assert tab.asked == [address]


def test_times_are_those_of_the_readers_clock(tmp_path):
    with browser() as tab:
        shown(tab, example.view(), tmp_path, 240)
        assert tab.run("document.getElementById('checked').textContent") == (
            "Last check: 30 Nov 13:40 CET, 5 min ago"
        )
        assert tab.run("document.querySelector('#checked time').title") == "30 Nov 12:40 UTC"


def test_a_page_that_grows_old_says_that_nothing_is_known(tmp_path):
    """Both one that is opened late, and one that was left open."""
    state = "document.getElementById('state').textContent"
    with browser() as tab:
        shown(tab, example.view(), tmp_path, 240)
        assert tab.run(state) == "The hub is up"
        assert tab.run("document.getElementById('stale').hidden")
        tab.run(f"window.clock += {3 * 3600_000}; window.look()")
        assert tab.run(state) == "Unknown: no check since 30 Nov 13:40 CET"
        assert tab.run("document.getElementById('stale').innerText").startswith("Then the hub was: up.")
        assert tab.run("document.title").startswith("Unknown")
        assert tab.run("document.querySelector('.now use').getAttribute('href')") == "#sign-unknown"
        assert "Since" not in tab.run("document.getElementById('now').innerText")
        first = tab.run("document.getElementById('now').innerText")
        tab.run("window.look()")
        assert tab.run("document.getElementById('now').innerText") == first, "said once, not each time"
    with browser() as tab:
        shown(tab, CRAMPED, tmp_path, 5 * 3600)
        assert tab.run(state) == "Unknown: no check since 30 Nov 13:40 CET"
        assert "down" not in tab.run("document.getElementById('now').className")


def test_a_bar_tells_its_day_to_a_finger(tmp_path):
    with browser() as tab:
        shown(tab, example.view(), tmp_path, 240)
        tab.click(".days li:nth-last-child(28)")
        said = tab.run("document.getElementById('day').textContent")
        assert said == "3 Nov: up 97.3 %, down 2.7 % (39 min)"


def test_words_can_be_read_by_day_and_by_night():
    """WCAG's AA: 4.5 for text, 3 for signs."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in module.STYLE.split("@media")[:2]
    )

    def brightness(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((brightness(one), brightness(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for colours in (light, dark):
        for behind in ("card", "back"):
            for text in ("text", "quiet", "link", "degraded"):
                assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
        for state in ("up", "degraded", "down", "unknown", "maintenance"):
            assert contrast(colours[state], colours["card"]) >= 3
            assert contrast(colours[state], colours["on"]) >= 4.5
        for curve in ("curve", "down-bar", "up-bar", "maintenance-bar"):
            assert contrast(colours[curve], colours["card"]) >= 3, curve
    assert "animation" not in module.STYLE and "transition" not in module.STYLE
