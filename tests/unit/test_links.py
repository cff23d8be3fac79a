"""The links of a course: what each brings and opens, its name, and the page and the table they are on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from coursehub.links.address import link, pulling
from coursehub.links.badge import BADGE
from coursehub.links.collection import collect, targets
from coursehub.links.markdown import badge, links_page
from coursehub.links.page import page
from coursehub.links.titles import first_heading, title_of
from coursehub.release_dates import release_from

HUB = "https://hub.school.edu"
ODD = (
    "a b.ipynb",
    "100% #1 & more?.ipynb",
    "été/наука 数学.ipynb",
    "a+b=c; d.ipynb",
    "quote'\"<b>|`*_[x](y)`.ipynb",
    "%20.ipynb",
)
HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=y> | [a](javascript:b) `c` *d* &amp; \"e'"


def course(root, interface="lab", sign_in="first-use", links=(), name="My course", release=()):
    content = SimpleNamespace(
        folder="my-course", start="StartHere.ipynb", links=tuple(links), release=tuple(release)
    )
    return SimpleNamespace(
        root=root,
        name=name,
        interface=interface,
        sign_in=sign_in,
        content=content,
        timetable=SimpleNamespace(timezone="Europe/Berlin"),
    )


def write(root, path, *cells):
    """A notebook of Markdown cells."""
    file = root / "content" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text} for text in cells]
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "StartHere.ipynb", "# Start here")
    for path in ODD:
        write(tmp_path, path, "text", f"# {path.replace('*', '').replace('_', '')}")
    return tmp_path


def opened(url):
    """What nbgitpuller makes of a link: (repository, branch, folder, page below the server's address)."""
    assert url.isascii() and re.fullmatch(r"[^\s\"'<>()\[\]`|\\]+", url)
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    return tuple(query.get(key, [None])[0] for key in ("repo", "branch", "targetPath", "urlpath"))


@pytest.mark.parametrize("path", ODD)
@pytest.mark.parametrize(("interface", "before"), [("lab", "lab/tree/"), ("notebook", "tree/")])
def test_a_link_opens_a_name_as_it_stands(tmp_path, path, interface, before):
    repository, branch, folder, where = opened(link(course(tmp_path, interface), HUB, path))
    assert (repository, branch, folder) == ("file:///srv/course/content.git", "main", "my-course")
    # The page's address is an address again: one more time quoted, and one that a browser goes to.
    assert where.startswith(before) and not set(where) & set(" #?\"'<>|")
    assert unquote(where) == f"{before}my-course/{path}"


def test_an_interface_can_be_chosen_for_one_link(tmp_path):
    assert opened(link(course(tmp_path, "lab"), HUB, "a.ipynb", "notebook"))[3] == "tree/my-course/a.ipynb"


def test_the_link_that_a_deploy_tells_opens_the_start(tmp_path):
    assert opened(link(course(tmp_path), HUB))[3] == "lab/tree/my-course/StartHere.ipynb"


def test_a_folder_and_another_repository():
    url = pulling(HUB, "https://github.com/o/n", None, "my folder", "", "lab")
    assert opened(url) == ("https://github.com/o/n", None, "my folder", "lab/tree/my%20folder")


def test_every_notebook_and_folder_has_a_link_and_other_files_have_none(root):
    write(root, "week-1/deep/er/x.ipynb")
    (root / "content/week-1/data.csv").write_text("1\n")
    paths = [one.path for one in collect(course(root), HUB).rest]
    assert paths[0] == ""
    assert sorted(paths) == sorted(
        [
            "",
            "StartHere.ipynb",
            *ODD,
            "été",
            "week-1",
            "week-1/deep",
            "week-1/deep/er",
            "week-1/deep/er/x.ipynb",
        ]
    )


def test_a_folder_comes_right_before_what_is_in_it():
    assert targets(["a-b/x.ipynb", "a/y.ipynb", "a/z/w.ipynb"]) == [
        "", "a", "a/y.ipynb", "a/z", "a/z/w.ipynb", "a-b", "a-b/x.ipynb"
    ]  # fmt: skip


def test_what_is_named_comes_first_and_may_be_a_file_of_any_kind(root):
    (root / "content/notes.md").write_text("# Notes\n")
    found = collect(course(root, links=["été", "notes.md", "StartHere.ipynb"]), HUB)
    assert [(one.path, one.kind) for one in found.first] == [
        ("StartHere.ipynb", "notebook"), ("été", "folder"), ("notes.md", "file")
    ]  # fmt: skip
    assert len(found.all) == len({one.url for one in found.all}) == len(found.rest) + 1


def test_what_students_may_not_have_yet_has_no_link(root):
    write(root, "week-2/secret.ipynb", "# The exam")
    write(root, "old.ipynb", "# Of last year")
    dates = (
        release_from({"path": "week-2", "from": "2026-10-05"}, "Europe/Berlin"),
        release_from({"path": "old.ipynb", "until": "2026-09-01"}, "Europe/Berlin"),
    )
    asked = course(root, links=["week-2", "week-2/secret.ipynb"], release=dates)
    found = collect(asked, HUB, now=datetime(2026, 10, 4, 21, 59, tzinfo=UTC))
    assert [one.path for one in found.first] == ["StartHere.ipynb"]
    assert not any("week-2" in one.path or one.path == "old.ipynb" for one in found.all)
    for text in (links_page(found), page(found)):
        assert "exam" not in text and "week-2" not in text and "last year" not in text
    assert found.missing == {
        "old.ipynb": "withdrawn since 2026-09-02 00:00 (Europe/Berlin)",
        "week-2/secret.ipynb": "waits until 2026-10-05 00:00 (Europe/Berlin)",
    }
    then = collect(asked, HUB, now=datetime(2026, 10, 4, 22, 0, tzinfo=UTC))
    assert [one.path for one in then.first] == ["StartHere.ipynb", "week-2", "week-2/secret.ipynb"]
    assert "The exam" in links_page(then) and list(then.missing) == ["old.ipynb"]


def test_before_anything_is_released_there_is_the_link_to_the_folder(root):
    dates = [release_from({"path": "**", "from": "2026-10-05"}, "UTC")]
    found = collect(course(root, release=dates), HUB, now=datetime(2026, 10, 4, tzinfo=UTC))
    assert [one.path for one in found.all] == [""]
    assert "Start here" not in links_page(found) + page(found)


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# Plain", "Plain"),
        ("text\n\n## Second *level*, `code` and [a link](https://x.y)", "Second level, code and a link"),
        ("Underlined\n==========", "Underlined"),
        ("```\n# a comment in code\n```\n\n# After it", "After it"),
        ("#\n\n# Not empty", "Not empty"),
        ("# ![only a picture](x.png)\n", ""),
        ("# Tom &amp; Jerry \\# 1", "Tom & Jerry # 1"),
        ("#hashtag", ""),
        ("", ""),
        ("# " + "long " * 50, "long " * 23 + "long…"),
    ],
)  # fmt: skip
def test_the_first_heading(text, heading):
    assert first_heading(text) == heading


def test_a_notebook_without_a_heading_is_called_by_its_file(tmp_path):
    write(tmp_path, "week-1/no heading.ipynb", "only text")
    assert title_of(tmp_path / "content/week-1/no heading.ipynb") == "no heading"
    (tmp_path / "content/broken.ipynb").write_text("[]")
    assert title_of(tmp_path / "content/broken.ipynb") == "broken"


def test_a_source_may_be_a_list_of_lines_and_code_has_no_heading(tmp_path):
    cells = [
        {"cell_type": "code", "source": ["# a comment\n"]},
        {"cell_type": "markdown", "source": ["text\n", "\n", "# A heading\n"]},
    ]
    (tmp_path / "x.ipynb").write_text(json.dumps({"cells": cells}))
    assert title_of(tmp_path / "x.ipynb") == "A heading"


class Seen(HTMLParser):
    """What a browser makes of a page: its elements, and the text that is shown."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.shown, self.inside, self.code = [], [], "", {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, text):
        if self.inside in ("script", "style"):
            self.code[self.inside] = text
        elif text.strip():
            self.shown.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(text):
    """Markdown as GitHub shows it."""
    return MarkdownIt("commonmark").enable("table").render(text)


def hostile(root):
    write(root, "bad.ipynb", "# " + re.sub(r"([^\w\s])", r"\\\1", HOSTILE))
    return collect(course(root, name=HOSTILE), HUB)


def test_a_title_is_text_on_the_page(root):
    links = hostile(root)
    seen = Seen(page(links))
    assert len(seen.all("script")) == 1 and not seen.all("img")
    assert HOSTILE in [one.title for one in links.rest]
    assert seen.shown.count(HOSTILE) == 3  # the page's title, its heading, the notebook
    for path in ODD:
        assert path in seen.shown
    assert {one["href"] for one in seen.all("a")} >= {one.url for one in links.all}
    assert {one["data-link"] for one in seen.all("button")} == {one.url for one in links.all}
    assert all(not key.startswith("on") and key != "style" for _, found in seen.elements for key in found)


def test_the_page_allows_nothing_but_its_own_code(root):
    seen = Seen(page(collect(course(root), HUB)))
    policy = next(one["content"] for one in seen.all("meta") if "http-equiv" in one)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        digest = hashlib.sha256(seen.code[tag].encode()).digest()
        assert allowed.pop(directive) == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert allowed == {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"
    }  # fmt: skip
    assert [one["href"] for one in seen.all("link")] == ["data:,"]
    assert not any("src" in found for _, found in seen.elements)
    assert "url(" not in seen.code["style"] and "@import" not in seen.code["style"]
    assert all(one.get("rel") == "noopener noreferrer" for one in seen.all("a"))


def test_a_title_is_text_in_the_table(root):
    links = hostile(root)
    html = rendered(links_page(links))
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)[1:]]
    rows = [row for row in rows if row]
    assert len(rows) == len(links.first) + len(links.rest)
    for row, one in zip(rows, (*links.first, *links.rest), strict=True):
        what, path, opens, markdown = (Seen(cell) for cell in row)
        assert "".join(what.shown) == one.title and not what.elements
        assert "".join(path.shown) == (one.path or "everything")
        assert opens.elements == [("a", {"href": one.url})]
        assert markdown.shown == [badge(one.url)]


def test_a_badge_is_a_picture_that_leads_to_the_link(root):
    url = link(course(root), HUB, ODD[4])
    seen = Seen(rendered(badge(url, "https://school.edu/launch.svg")))
    assert [tag for tag, _ in seen.elements] == ["p", "a", "img"]
    assert seen.all("a")[0]["href"] == url
    assert seen.all("img")[0] == {"src": "https://school.edu/launch.svg", "alt": "Open on the hub"}


def test_the_badges_picture_needs_nothing_else():
    import xml.etree.ElementTree as ElementTree

    elements = list(ElementTree.fromstring(BADGE).iter())
    assert {element.tag.rpartition("}")[2] for element in elements} <= {
        "svg", "title", "clipPath", "rect", "g", "path", "text"
    }  # fmt: skip
    assert BADGE.count("http") == 1  # the name space


@pytest.mark.parametrize(
    ("sign_in", "for_all", "for_admins"),
    [
        ("first-use", ["/hub/login", "/hub/auth/change-password", "/hub/home"], ["/hub/admin"]),
        (
            "sign-up",
            ["/hub/login", "/hub/signup", "/hub/change-password", "/hub/home"],
            ["/hub/authorize", "/hub/admin"],
        ),
        ("lti", ["/hub/login", "/hub/home"], ["/hub/lti13/config", "/hub/admin"]),
        ("one without pages of its own", ["/hub/login", "/hub/home"], ["/hub/admin"]),
    ],
)
def test_the_pages_of_accounts(root, sign_in, for_all, for_admins):
    links = collect(course(root, sign_in=sign_in), HUB)
    assert [one.url for one in links.accounts if not one.for_admins] == [HUB + path for path in for_all]
    assert [one.url for one in links.accounts if one.for_admins] == [HUB + path for path in for_admins]
    assert all(one.url in page(links) and one.url in links_page(links) for one in links.accounts)
