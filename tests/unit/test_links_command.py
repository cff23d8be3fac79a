"""scripts/links.py: what it writes, when it says stale, where it takes the hub's address from."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from course_folder import NOTEBOOK, make_course
from coursehub.links import command, hub_address
from coursehub.links.hub_address import hub_address as address_of
from coursehub.problems import InvalidInput

HUB = "https://hub.school.edu"
SURROUNDINGS = (
    *("HUB_URL", "HUB_USER", "HUB_PASSWORD"),
    *("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"),
)
WRITTEN = ("Links.md", "links.html", "launch.svg")


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in (
        "HUB_URL",
        "HUB_USER",
        "HUB_PASSWORD",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_OUTPUT",
    ):
        monkeypatch.delenv(name, raising=False)
    return make_course(tmp_path / "course", environment_yml="dependencies: [numpy]\n")


@pytest.fixture
def links(root, monkeypatch, capsys):
    """Runs the script with options; its exit code, its JSON, and what it said."""

    def run(*options):
        monkeypatch.setattr("sys.argv", ["links.py", "--course", str(root), "--json", *options])
        code = command.run("")
        output, said = capsys.readouterr()
        return code, json.loads(output), said

    return run


def test_it_writes_once_and_then_has_nothing_to_do(root, links):
    code, result, _ = links("--hub", HUB)
    assert (code, result["verdict"]) == (0, "written")
    before = {name: (root / "Documentation" / name).read_bytes() for name in WRITTEN}
    assert result["files"] == [f"Documentation/{name}" for name in WRITTEN]
    code, result, _ = links("--hub", f"{HUB}/")
    assert (code, result["verdict"], result["files"]) == (0, "current", [])
    assert before == {name: (root / "Documentation" / name).read_bytes() for name in WRITTEN}
    assert {one["path"] for one in result["links"]} == {"", "StartHere.ipynb"}
    assert all(one["url"].startswith(HUB) and one["url"] in one["markdown"] for one in result["links"])


@pytest.mark.parametrize("name", WRITTEN)
def test_a_check_writes_nothing_and_tells_what_is_stale(root, links, name):
    links("--hub", HUB)
    file = root / "Documentation" / name
    file.write_text("old")
    code, result, said = links("--hub", HUB, "--check")
    assert (code, result["verdict"], result["files"]) == (1, "stale", [f"Documentation/{name}"])
    assert "run python scripts/links.py" in said and file.read_text() == "old"


def test_a_new_notebook_makes_them_stale(root, links):
    links("--hub", HUB)
    assert links("--hub", HUB, "--check")[0] == 0
    (root / "content/week-1").mkdir()
    (root / "content/week-1/a.ipynb").write_bytes((root / "content/StartHere.ipynb").read_bytes())
    assert links("--hub", HUB, "--check")[1]["files"] == [
        "Documentation/Links.md",
        "Documentation/links.html",
    ]


def test_a_name_that_the_web_server_may_refuse_is_told(root, links):
    (root / "content/100% #1.ipynb").write_bytes((root / "content/StartHere.ipynb").read_bytes())
    for _ in range(2):
        assert "Rename 100% #1.ipynb" in links("--hub", HUB)[2]


def test_the_interface_and_the_badge_can_be_chosen(root, links):
    _, result, _ = links("--hub", HUB, "--interface", "notebook", "--badge", "https://x.y/launch.svg")
    assert all("urlpath=tree%2F" in one["url"] for one in result["links"])
    assert "![Open on the hub](https://x.y/launch.svg)" in (root / "Documentation/Links.md").read_text()


def test_a_link_for_another_repository_writes_nothing(root, links):
    code, result, said = links("--hub", HUB, "--repository", "https://github.com/o/n/blob/main/a b.ipynb")
    (made,) = result["links"]
    assert (code, result["verdict"]) == (0, "made")
    assert made["url"] == (
        f"{HUB}/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fo%2Fn&branch=main"
        "&targetPath=n&urlpath=lab%2Ftree%2Fn%2Fa%2520b.ipynb"
    )
    assert made["url"] in said and made["markdown"] in said
    assert not (root / "Documentation").exists()


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (("--hub", "hub.school.edu"), "--hub"),
        (("--hub", "https://hub.school.edu)evil"), "--hub"),
        (("--hub", HUB, "--path", "a.ipynb"), "--path"),
        (("--hub", HUB, "--badge", "a b.svg"), "--badge"),
        (("--hub", HUB, "--repository", ""), "--repository"),
        (("--hub", HUB, "--repository", "https://github.com/o/my-course"), "--folder"),
        (("--hub", HUB, "--repository", "https://github.com/o/n", "--folder", "my-course/n"), "--folder"),
        (("--hub", HUB, "--repository", "https://github.com/o/n", "--check"), "--check"),
        (("--hub", HUB, "--repository", "https://github.com/o/n", "--publish"), "--publish"),
        (("--hub", HUB, "--verify"), "secret HUB_USER"),
        ((), "--hub"),
    ],
)
def test_mistakes(root, links, options, place):
    code, result, said = links(*options)
    assert code == 2 and f"  {place}: " in said and "Fix: " in said
    assert result["verdict"] == "invalid" and not (root / "Documentation").exists()


def test_a_hub_that_does_not_answer(root, links, monkeypatch):
    monkeypatch.setenv("HUB_USER", "ada")
    monkeypatch.setenv("HUB_PASSWORD", "not to be told")
    code, result, said = links("--hub", "http://127.0.0.1:9", "--verify")
    assert code == 1 and "127.0.0.1:9 does not answer" in said
    assert "not to be told" not in said + json.dumps(result)


def test_what_is_still_to_come_is_told_and_not_written(root, links):
    (root / "content" / "exam.ipynb").write_text(NOTEBOOK)
    release = "content:\n  release:\n    - {path: exam.ipynb, from: 2999-01-01}\n"
    (root / "course.yml").write_text((root / "course.yml").read_text() + release)
    code, result, said = links("--hub", HUB)
    assert code == 0 and "No link yet: exam.ipynb waits until 2999-01-01 00:00" in said
    assert list(result["missing"]) == ["exam.ipynb"]
    assert all("exam" not in (root / "Documentation" / name).read_text() for name in WRITTEN)


def test_a_deploy_shows_the_links_and_hands_them_on(root, links, tmp_path, monkeypatch):
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(outputs))
    monkeypatch.setenv("RESULT", json.dumps({"verdict": "converged", "url": HUB}))
    code, result, _ = links("--publish")
    assert (code, result["verdict"], result["hub"]) == (0, "published", HUB)
    assert "](https://hub.school.edu/hub/user-redirect/git-pull" in summary.read_text()
    assert result["page"] in summary.read_text() and result["page"].rstrip() in outputs.read_text()
    assert not (root / "Documentation").exists()


class LogInPage(BaseHTTPRequestHandler):
    """The hub for somebody who is not logged in; one that `forgets` does not know afterwards where to go."""

    forgets = False

    def do_GET(self):
        at_log_in = self.path.startswith("/hub/login")
        self.send_response(200 if at_log_in else 302)
        if not at_log_in:
            further = "" if self.forgets else "?" + urlencode({"next": self.path})
            self.send_header("Location", f"/hub/login{further}")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def log_in_page():
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Page", (LogInPage,), {})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.address = "http://{}:{}".format(*server.server_address)
        yield server
        server.shutdown()


def test_where_people_sign_in_elsewhere_links_are_followed_to_the_log_in(root, links, log_in_page):
    github = "sign_in: github\nidentities: {teacher: octo}\n"
    (root / "course.yml").write_text((root / "course.yml").read_text() + github)
    code, result, said = links("--hub", log_in_page.address, "--verify")
    assert (code, result["verdict"]) == (0, "reached"), said
    assert "leads to the log-in: StartHere.ipynb" in said and "Not looked at: the log-in" in said
    log_in_page.RequestHandlerClass.forgets = True
    code, result, said = links("--hub", log_in_page.address, "--verify")
    assert (code, result["verdict"]) == (1, "failed") and "forgets where the link leads to" in said


def course(domain=None):
    return SimpleNamespace(https=SimpleNamespace(domain=domain))


def test_where_the_hub_is(monkeypatch):
    on_github = {"GITHUB_ACTIONS": "true"}
    monkeypatch.setattr(hub_address.record, "recorded", lambda _: {"url": "https://recorded.edu"})
    everything = {"HUB_URL": " https://given.edu/hub/ ", **on_github}
    assert address_of("http://192.0.2.7/", course("named.edu"), everything) == "http://192.0.2.7"
    assert address_of("", course("named.edu"), everything) == "https://given.edu"
    assert address_of(None, course("named.edu"), on_github) == "https://recorded.edu"
    assert address_of(None, course("named.edu"), {}) == "https://named.edu"
    monkeypatch.setattr(hub_address.record, "recorded", lambda _: None)
    assert address_of(None, course("named.edu"), on_github) == "https://named.edu"
    with pytest.raises(InvalidInput, match="nobody knows yet"):
        address_of(None, course(), on_github)


def test_links_cannot_be_followed_where_people_come_in_from_a_learning_platform(root, links):
    (root / "course.yml").write_text(
        "admins: [teacher]\nidentities: {teacher: Prof}\nsign_in: lti\n"
        "https: {email: a@b.org, domain: hub.school.edu}\n"
        "lti: {platform: moodle, address: https://moodle.school.edu, client_id: abc}\n"
    )
    code, result, said = links("--hub", HUB, "--verify")
    assert code == 2, result
    assert "--verify" in said and "learning platform" in said and "in a browser" in said
