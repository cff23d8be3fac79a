"""The status page and the branch's README: what they say, and in a browser, how they are."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import status_example as example
from coursehub.status import bars, graph, words
from coursehub.status.model import (
    DEGRADED,
    DOWN,
    MAINTENANCE,
    NONE,
    UNKNOWN,
    UP,
    Check,
    Day,
    Finding,
    Incident,
    View,
)
from coursehub.status.page import page, readme

EMPTY = View("Course", example.NOW, Check(example.NOW - 60, UP), example.NOW - 60, None, 0.0, ())
VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = (
    "</style><script>alert(1)</script><img src=x onerror=alert(1)> & \"'\u202e\x00 [a](javascript:b) | `"
)


class Reader(HTMLParser):
    """What an HTML page holds; each tag must be closed in its order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def down(**changed) -> View:
    check = example.check(
        state=DOWN,
        title="The hub is down: it does not answer: Connection refused",
        cause="the hub crashes because of a changed configuration",
        fix="run the workflow that deploys",
        done=("restarted the hub (in 6 s)",),
        seconds=None,
        findings=(Finding("hub", "failure", "does not answer", "it is switched off", "deploy"),),
    )
    return example.view(check=check, since=example.NOW - 1500, **changed)


HEADINGS = {
    UP: "The hub is up",
    DEGRADED: "The hub works, but needs attention",
    DOWN: "The hub is down",
    UNKNOWN: "Whether the hub is up is unknown",
    MAINTENANCE: "The hub is in maintenance",
    NONE: "There is no hub",
}


@pytest.mark.parametrize("state", HEADINGS)
def test_each_state_is_said_in_words_with_the_time_of_the_check(state):
    view = example.view(check=example.check(state=state))
    text = Reader(page(view)).text
    assert HEADINGS[state] in text and "Last check: 30 Nov 12:40 UTC" in text
    assert [one for one in HEADINGS.values() if one in text] == [HEADINGS[state]]
    assert f"**{HEADINGS[state]}**" in readme(view)


def test_a_hub_that_is_down_says_why_and_what_to_do():
    text = Reader(page(down())).text
    for said in (
        "Since 30 Nov 12:16 UTC , for 24 min",
        "Found It does not answer: Connection refused.",
        "Cause The hub crashes because of a changed configuration.",
        "What to do Run the workflow that deploys.",
        "Done by itself Restarted the hub (in 6 s).",
        "Response time no answer",
        "hub : does not answer It is switched off. What to do: deploy.",
    ):
        assert said in text
    assert "Cause: The hub crashes" in readme(down())


def test_a_page_of_an_old_check_is_unknown_already_when_it_is_written():
    view = example.view(now=example.NOW + 4 * 3600)
    text = Reader(page(view)).text
    assert "Whether the hub is up is unknown No check since 30 Nov 12:40 UTC" in text
    assert "The hub is up" not in text and "The hub is up" not in readme(view)


def test_gaps_are_told_beside_the_uptime():
    text = Reader(page(example.view(known=0.871))).text
    assert "Uptime, 30 days 99.91 % of 87 % known" in text
    assert "as far as they are known: 87 % of the time" in text


def test_incidents_and_deploys():
    reader = Reader(page(example.view()))
    for said in (
        "degraded for 11 h 10 min , from 27 Nov 22:04 UTC to 28 Nov 09:14 UTC",
        "The machine ran out of memory: one server had 312 processes.",
        "Restarted the hub (in 6 s).",
    ):
        assert said in reader.text
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    home = f"https://github.com/{example.REPOSITORY}"
    assert {f"{home}/issues/42", f"{home}/commit/{example.COMMIT}", f"{home}/actions/runs/1905"} <= set(links)
    lasting = Incident(example.NOW - 600, DOWN, "It is off")
    view = example.view(incidents=(lasting,))
    assert "Not over : down since 30 Nov 12:31 UTC , for 10 min" in Reader(page(view)).text
    assert "| **not over** |" in readme(view)


def test_what_a_students_way_came_to_is_shown():
    tried = {"at": example.NOW - 9000, "ok": True, "seconds": 21.4, "words": ""}
    tried["steps"] = [{"name": "log in", "seconds": 1.2}, {"name": "start", "seconds": "?"}, 7]
    text = Reader(page(example.view(check=example.check(canary=tried)))).text
    assert "a student's way to a running cell : it works in 21 s, 30 Nov 10:11 UTC log in 1.20 s" in text
    text = Reader(page(example.view(details={"canary": tried | {"ok": False, "words": "no cell ran"}}))).text
    assert "a student's way to a running cell : no cell ran in 21 s" in text
    assert "student's way" not in page(example.view(check=example.check(canary={"ok": None, "steps": 3})))


def test_nothing_is_known_yet():
    text = Reader(page(EMPTY)).text
    assert "The hub is up" in text and "Nothing is known yet of the last 30 days." in text
    assert text.count("Nothing was measured yet.") == 1 and text.count("None was recorded.") == 2
    assert "100 %" not in text
    assert "None was recorded." in readme(EMPTY)


def test_ninety_days_whatever_is_known_of_them():
    titles = re.findall(r"<title>(\d+ \w+(?: so far)?: [^<]+)</title>", page(example.view()))
    assert len(titles) == bars.DAYS
    assert titles[0] == "2 Sep: before the record began"
    assert titles[-1] == "30 Nov so far: up 52.7 %"
    assert "3 Nov: up 97.3 %, down 2.7 % (39 min)" in titles
    assert "10 Oct: up 87.5 %, maintenance 12.5 % (3 h)" in titles
    assert "17 Oct: unknown" in titles
    assert "16 Oct: up 55 %, unknown 45 %" in titles


def test_a_day_without_a_check_in_the_record_is_unknown():
    view = example.view(days=(Day("2026-11-20", up=1.0), Day("2026-11-30", up=0.5)))
    titles = re.findall(r"<title>(\d+ Nov[^<]+)</title>", bars.bars(view))
    assert "25 Nov: unknown" in titles and "19 Nov: before the record began" in titles


def test_a_short_outage_is_seen_and_a_bar_is_never_longer_than_its_day():
    found = bars.parts(Day("2026-11-20", up=0.993, down=0.007), 1.0)
    drawn = bars.shown(found, 1.0)
    assert drawn["down"] == bars.LEAST and sum(drawn.values()) == pytest.approx(1.0)
    assert sum(bars.parts(Day("2026-11-20", up=0.5), 0.5).values()) == pytest.approx(0.5)
    assert bars.parts(Day("2026-11-20", up=float("nan")), 1.0)["unknown"] == 1.0


def test_a_line_never_crosses_a_gap():
    hour = 3600.0
    points = [(example.NOW - back * hour, 0.2) for back in (*range(40, 60), *range(20))]
    drawn = graph.graph(points, example.NOW, str, "x")
    assert drawn.count('class="line"') == 2
    assert 'class="line dot"' in graph.graph([(example.NOW - 5, 0.2)], example.NOW, str, "x")
    assert "Nothing was measured" in graph.graph([(example.NOW, float("inf"))], example.NOW, str, "x")


def test_one_answer_that_took_long_does_not_flatten_the_others():
    points = [(example.NOW - back * 900, 0.2 if back else 60.0) for back in range(500)]
    assert graph.highest(graph.gathered(points, example.NOW - 7 * words.DAY, example.NOW)) < 1


def hostile() -> View:
    return View(
        HOSTILE,
        example.NOW,
        Check(
            example.NOW - 60,
            DOWN,
            "javascript:alert(1)",
            HOSTILE,
            HOSTILE,
            HOSTILE,
            findings=(Finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
            done=(HOSTILE,),
            canary={"ok": True, "words": HOSTILE, "steps": [{"name": HOSTILE, "seconds": 1}]},
        ),
        example.NOW - 1000,
        0.9,
        0.9,
        (),
        incidents=(Incident(example.NOW - 900, HOSTILE, HOSTILE, cause=HOSTILE, done=(HOSTILE,), issue=1),),
        deploys=({"at": example.NOW - 50, "commit": HOSTILE, "run": "javascript:alert(1)"}, {"at": HOSTILE}),
        commit=HOSTILE,
        environment=HOSTILE,
        repository=HOSTILE,
    )


def test_whatever_a_server_or_a_course_says_stays_text():
    reader = Reader(page(hostile()))
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not any(tag in ("img", "iframe", "object", "base") for tag, _ in reader.tags)
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert not any("javascript:" in str(attributes.get("href")) for _, attributes in reader.tags)
    assert "\u202e" not in page(hostile()) and "\x00" not in page(hostile())


def test_whatever_is_said_stays_text_in_markdown():
    text = readme(hostile())
    row = next(line for line in text.splitlines() if line.startswith("| 30 Nov"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 7, "no | begins a cell of its own"
    assert "<script" not in text and "<img" not in text
    assert not re.search(r"(?<!\\)\]\(javascript", text) and not re.search(
        r"(?<!\\)`\s*$", text, re.MULTILINE
    )


def test_nothing_is_asked_of_any_server():
    text = page(example.view())
    for tag, attributes in Reader(text).tags:
        for name in ("src", "srcset", "data", "action", "poster"):
            assert name not in attributes
        if tag in ("link", "use"):
            assert attributes["href"].startswith(("#", "data:"))
        assert "style" not in attributes, "the policy allows the page's own style alone"
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
    assert re.search(r"default-src &#x27;none&#x27;; style-src &#x27;sha256-", text)


def test_headings_come_in_order_and_every_name_is_there():
    tags = Reader(page(down())).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(one["aria-labelledby"] in ids for _, one in tags if "aria-labelledby" in one)


def test_the_page_stays_small_with_a_full_history():
    many = tuple((example.NOW - back * 600, 0.1 + back % 97 / 50) for back in range(90 * 144))
    long = "<&\"'" * 400
    incidents = tuple(
        Incident(
            example.NOW - back * 9000, DOWN, long, example.NOW - back * 9000 + 600, long, (long,) * 50, back
        )
        for back in range(1, 500)
    )
    deploys = tuple({"at": example.NOW - back * 9000, "commit": example.COMMIT} for back in range(800))
    view = example.view(
        incidents=incidents, deploys=deploys, response=many, memory=many, disk=many, students=many,
        check=example.check(done=(long,) * 50, findings=(Finding(long, "failure", long, long, long),) * 100),
    )  # fmt: skip
    assert len(page(view).encode()) < 150_000
    assert len(readme(view).encode()) < 60_000
    assert "older ones are not shown" in page(view)


def test_the_readme_shows_the_badges_by_paths_on_the_branch():
    text = readme(example.view())
    assert "![status](badges/status.svg) ![uptime](badges/uptime.svg)" in text
    assert "Last check: 30 Nov 12:40 UTC" in text and "`coursehub`, `/ (root)`" in text
    assert "http" not in re.sub(r"\(<https://[^>]+>\)", "", text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3599, "1 h"),
        (11100, "3 h 5 min"),
        (86400, "1 day"),
        (183600, "2 days 3 h"),
        (86400 * 40, "40 days"),
        (-5, "0 s"),
    ],
)
def test_lengths_of_time(seconds, said):
    assert words.length(seconds) == said


def test_times_say_their_year_only_when_it_is_another():
    assert words.moment(example.NOW, example.NOW) == "30 Nov 12:41 UTC"
    assert words.date(example.NOW, example.NOW + 90 * words.DAY) == "30 Nov 2026"
