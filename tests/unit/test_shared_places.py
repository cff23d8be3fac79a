"""The shared places without a machine: what is planned, whose files are whose, and what may be written."""

import hashlib
import os
import stat
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from course_folder import assert_only, make_course, problems_of
from coursehub.accounts import group_folder
from coursehub.droplet import downloads as fetching
from coursehub.droplet import placing, tend_shared, unix_groups
from coursehub.droplet import shared as droplet
from coursehub.droplet.system import OperationFailed
from coursehub.parts import downloads, shared
from coursehub.roster.people import Person, Roster
from coursehub.settings import load
from coursehub.settings_shared import SharedFile

SUM = "a" * 64
ENTRY = f"url: https://x.org/a.nc, sha256: {SUM}"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


# What course.yml and shared-data/ may say.


@pytest.mark.parametrize(
    ("written", "key", "words"),
    [
        (f"files: [{{{ENTRY}, path: ../a}}]", "shared.files.path", ["below shared/"]),
        (f"files: [{{{ENTRY}, path: /a}}]", "shared.files.path", ["Did you mean a?"]),
        (f"files: [{{{ENTRY}, path: a/../b}}]", "shared.files.path", []),
        (f"files: [{{{ENTRY}, path: .hidden/b}}]", "shared.files.path", ["dot"]),
        (f"files: [{{{ENTRY}, path: shared/b}}, {{{ENTRY}, path: shared/b/c}}]", "shared.files.path", []),
        (f"files: [{{url: 'https://x:y@z.org/a', sha256: {SUM}, path: a}}]", "shared.files.url", []),
        (f"files: [{{url: 'file:///etc/shadow', sha256: {SUM}, path: a}}]", "shared.files.url", []),
        ("files: [{url: 'https://z.org/a', sha256: abc, path: a}]", "shared.files.sha256", ["sha256sum"]),
        ("files: [{url: 'https://z.org/a', path: a}]", "shared.files", ["has no sha256"]),
        ("groups: [Monday]", "shared.groups", ["Did you mean monday?"]),
        ("groups: monday", "shared.groups", ["true, false or a list of groups"]),
    ],
)
def test_names_that_are_dangerous_or_wrong(tmp_path, written, key, words):
    (problem,) = problems_of(make_course(tmp_path / "course", f"shared: {{{written}}}"))
    assert problem.key == key and problem.line == 1
    assert all(word in str(problem) for word in words), problem


def test_one_thing_at_a_path(tmp_path):
    text = f"shared:\n  files:\n    - {{{ENTRY}, path: a/b}}\n    - {{{ENTRY}, path: c}}\n"
    root = make_course(tmp_path / "course", text)
    (root / "shared-data").mkdir()
    (root / "shared-data" / "a").write_text("1")
    problems = problems_of(root)
    assert_only(problems, "course.yml", 3, "shared.files.path", "a/b", "a is there", "folder")


def test_the_places_and_the_courses_folder_have_different_names(tmp_path):
    root = make_course(tmp_path / "course", "content: {folder: shared}")
    assert_only(problems_of(root), "course.yml", 1, "content.folder", "shared", "shared.folder")
    assert not problems_of(make_course(tmp_path / "other", "content: {folder: groups}"))


def test_what_cannot_be_pushed(tmp_path):
    root = make_course(tmp_path / "course")
    data = root / "shared-data"
    data.mkdir()
    (data / "pointer.nc").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")
    (data / "link").symlink_to("pointer.nc")
    (data / "back\\slash").write_text("")
    (data / ".gitkeep").write_text("")
    with (data / "large").open("wb") as file:
        file.truncate((100 << 20) + 1)
    found = {problem.file: str(problem) for problem in problems_of(root)}
    assert len(found) == 4
    assert "Git LFS" in found["shared-data/pointer.nc"] and "link" in found["shared-data/link"]
    assert "shared.files" in found["shared-data/large"]


# What is planned.


def wanted(root, course="", people=(), names=True, **data):
    make_course(root, course)
    for name, text in data.items():
        (root / "shared-data").mkdir(exist_ok=True)
        (root / "shared-data" / name).write_text(text)
    settings = load(root)
    return shared.want(settings_with(settings, people, names), None)


def settings_with(settings, people, names):
    from dataclasses import replace

    return replace(settings, roster=Roster((Person("teacher", "admin"), *people), names=names))


def seen(**changes):
    nothing = {"groups": {}, "shared": None, "folders": {}, "files": {}, "left": {}, "put": {}}
    teachers = {shared.TEACHERS: [70000, ["jupyter-teacher"]]}
    return nothing | {"lasting": True, "shared": "open", "groups": teachers} | changes


ADA, GRACE = Person("ada", None, ("monday",)), Person("grace", "assistant", ("friday",))


def test_the_places_are_set_up_with_the_rosters_groups(tmp_path):
    want = wanted(tmp_path, "shared: {groups: true}", (ADA, GRACE))
    assert want.teachers == ("jupyter-grace", "jupyter-teacher")
    assert want.groups["monday"] == ("jupyter-ada", "jupyter-teacher")
    nothing = seen(shared=None, groups={}, lasting=False)
    (step,) = shared.plan(want, nothing, {})
    assert step.operation == "shared.settle"
    assert "+ groups/monday, for 2 people" in step.details


def test_nothing_to_do_where_all_is_as_it_should_be(tmp_path):
    want = wanted(tmp_path, "shared: {groups: [monday]}", (ADA,), a="1")
    there = seen(
        groups={
            shared.TEACHERS: [70000, ["jupyter-teacher"]],
            "course-monday": [70001, ["jupyter-ada", "jupyter-teacher"]],
        },
        folders={"monday": "open"},
        files={"a": ["ours", sha256("1")]},
        put={"a": [sha256("1"), "push"]},
    )
    assert shared.plan(want, there, {}) == [] and shared.notes(want, there) == []
    (step,) = shared.plan(want, there | {"lasting": False}, {})
    assert step.operation == "shared.settle"


def test_who_leaves_a_group_and_a_group_that_nobody_wants(tmp_path):
    want = wanted(tmp_path, "shared: {groups: [monday]}", (ADA,))
    there = seen(
        groups={
            shared.TEACHERS: [70000, ["jupyter-teacher"]],
            "course-monday": [70001, ["jupyter-ada", "jupyter-eve", "jupyter-teacher"]],
            "course-old": [70002, ["jupyter-bob", "jupyter-teacher"]],
        },
        folders={"monday": "open", "old": "open"},
    )
    (step,) = shared.plan(want, there, {})
    assert "~ groups/monday: - 1" in step.details and shared.RUNNING in step.details
    assert step.parameters["groups"]["old"] == ["jupyter-teacher"], "the admins keep it"
    assert "eve" not in " ".join(step.details) and "bob" not in " ".join(step.details)
    assert any("kept" in note for note in shared.notes(want, there))


def test_names_of_groups_that_only_a_secret_has_are_not_told(tmp_path):
    want = wanted(tmp_path, "shared: {groups: true}", (ADA, GRACE), names=False)
    (step,) = shared.plan(want, seen(), {})
    assert "monday" not in " ".join(step.details) and "~ the folders of 2 groups" in step.details


def test_a_closed_folder_is_left_as_it_is(tmp_path):
    want = wanted(tmp_path, "shared: {folder: false}", a="1")
    assert shared.plan(want, seen(shared=None, groups={}, lasting=False), {}) == []
    there = seen(left={"a": ["ours", sha256("0")]})
    (step,) = shared.plan(want, there, {})
    assert step.operation == "shared.settle" and step.parameters["folder"] is False
    assert "its files stay" in shared.notes(want, there)[0]


@pytest.mark.parametrize(
    ("state", "put", "sent", "words"),
    [
        (["absent", None], None, True, "+ a"),
        (["ours", "old"], ["old", "push"], True, "~ a"),
        (["by hand", None], ["old", "push"], True, "changed by hand"),
        (["by hand", None], None, True, "changed by hand"),
        (["by hand", None], ["NEW", "push"], None, ""),
        (["by hand", "NEW"], None, False, "= a"),
        (["ours", "NEW"], ["NEW", "address"], False, "= a"),
        (["ours", "NEW"], ["NEW", "push"], None, ""),
    ],
)
def test_what_happens_with_a_pushed_file(tmp_path, state, put, sent, words):
    want = wanted(tmp_path, a="1")
    new = sha256("1")
    state, put = (
        [new if word == "NEW" else word for word in value] if value else value for value in (state, put)
    )
    there = seen(files={"a": state}, put={"a": put} if put else {})
    steps = shared.plan(want, there, {})
    assert bool(steps) == (sent is not None)
    if steps:
        assert steps[0].parameters["files"][0][-1] is sent and len(steps[0].payload) == sent
        assert words in steps[0].details[0]


@pytest.mark.parametrize(
    ("state", "put", "operation"),
    [
        (["absent", None], None, "downloads.fetch"),
        (["ours", "b" * 64], ["b" * 64, "address"], "downloads.fetch"),
        (["by hand", None], None, "downloads.fetch"),
        (["by hand", None], [SUM, "address"], None),
        (["by hand", SUM], None, "downloads.record"),
        (["ours", SUM], [SUM, "push"], "downloads.record"),
        (["ours", SUM], [SUM, "address"], None),
    ],
)
def test_what_happens_with_a_fetched_file(state, put, operation):
    want = downloads.Want((SharedFile("https://x.org/a", SUM, "a"),))
    there = {"files": {"a": state}, "put": {"a": put} if put else {}, "left": [], "halves": []}
    assert [step.operation for step in downloads.plan(want, there, {})] == ([operation] if operation else [])
    left = downloads.plan(downloads.Want(()), there | {"left": ["b"]}, {})
    assert [step.operation for step in left] == ["downloads.forget"]
    assert downloads.plan(downloads.Want(None), there | {"left": ["b"]}, {}) == []
    half = downloads.plan(downloads.Want(()), there | {"halves": ["b.part"]}, {})
    assert [step.operation for step in half] == ["downloads.tidy"] and not half[0].needed


def test_long_names_of_groups_fit_into_linux():
    assert group_folder("monday") == "monday"
    one, other = group_folder("introduction-to-geophysics-1"), group_folder("introduction-to-geophysics-2")
    assert one != other and len("course-" + one) <= 32


# Unix groups.

GROUP = "root:x:0:\nusers:x:100:ada\ncourse-monday:x:70004:jupyter-eve\n"
SHADOW = "root:*::\ncourse-monday:!::jupyter-eve\n"


def test_groups_have_exactly_these_members_and_others_are_not_touched():
    group, shadow = unix_groups.changed(
        [GROUP, SHADOW],
        {"course-monday": ["b", "a"], "course-new": [], "course-back": []},
        {"course-back": 70009},
    )
    assert group.startswith("root:x:0:\nusers:x:100:ada\ncourse-monday:x:70004:a,b\n")
    assert "course-back:x:70009:\n" in group and "course-new:x:70000:\n" in group
    assert "course-monday:!::a,b\n" in shadow and shadow.count("course-") == 3
    assert unix_groups.changed([group, shadow], {"course-monday": ["a", "b"]}, {}) == (group, shadow)


def test_a_number_that_is_taken_is_given_to_nobody_else():
    group, _ = unix_groups.changed([GROUP, None], {"course-new": []}, {"course-new": 70004})
    assert "course-new:x:70000:" in group
    group, _ = unix_groups.changed([GROUP, None], {"course-new": []}, {"course-new": 100})
    assert "course-new:x:70000:" in group, "a folder that was root's group's, say, gives its number to none"


def test_a_group_that_the_droplet_had_before_is_not_taken():
    with pytest.raises(OperationFailed, match="course-admins"):
        unix_groups.changed(["course-admins:x:1005:root\n", None], {"course-admins": ["a"]}, {})


# Rights.


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A shared/ of one's own, in which everything belongs to whoever runs the tests."""
    monkeypatch.setattr(tend_shared, "SHARED", tmp_path / "shared")
    for name, value in {
        "SHARED": tmp_path / "shared", "OURS": tmp_path / "shared.json", "INCOMING": tmp_path / "incoming",
        "PLACE": tmp_path, "rights": lambda: tend_shared.Rights(os.getgid(), 0o5, None),
    }.items():  # fmt: skip
        monkeypatch.setattr(placing, name, value)
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def mode(path):
    return oct(stat.S_IMODE(path.lstat().st_mode))


def test_everything_gets_its_rights_and_nothing_beyond_the_place(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "file").write_text("")
    (outside / "file").chmod(0o600)
    deep = place / "a" / "b"
    deep.mkdir(parents=True)
    deep.chmod(0o700)
    for name, had in (("plain", 0o600), ("program", 0o700), ("setuid", 0o4755), ("open", 0o666)):
        (deep / name).write_text("")
        (deep / name).chmod(had)
    (deep / "link").symlink_to(outside)
    os.link(outside / "file", deep / "linked")
    os.mkfifo(deep / "pipe")
    tend_shared.tend(place, tend_shared.Rights(os.getgid(), 0o5, None))
    assert mode(deep) == "0o2775"
    assert [mode(deep / name) for name in ("plain", "program", "setuid", "open")] == [
        "0o664", "0o775", "0o775", "0o664"
    ]  # fmt: skip
    assert mode(outside) == "0o700" and mode(outside / "file") == "0o600"
    tend_shared.tend(place, tend_shared.Rights(os.getgid(), 0, None))
    assert mode(deep) == "0o2770" and mode(deep / "program") == "0o770" and mode(deep / "plain") == "0o660"


def test_what_is_made_there_is_right_whatever_the_umask_is(place):
    (place / "a").mkdir()
    rights = tend_shared.Rights(os.getgid(), 0o5, None)
    try:
        os.setxattr(place, tend_shared.DEFAULT_LIST, rights.default_list)
        os.removexattr(place, tend_shared.DEFAULT_LIST)
    except OSError:
        pytest.skip("this file system has no access lists")
    tend_shared.tend(place, rights)
    made = "umask 077; mkdir b && echo 1 > c && cp c b/d"
    subprocess.run(["sh", "-c", made], cwd=place / "a", check=True)
    assert [mode(place / "a" / name) for name in ("b", "c", "b/d")] == ["0o2775", "0o664", "0o664"]


# Whose file is whose.


def put(text, path, entries, executable=False):
    arrived = placing.incoming("x")
    arrived.write_text(text)
    placing.put(arrived, path, executable, entries)
    entries[path] = placing.entry_for(path, sha256(text), "push")


def test_a_file_of_ours_is_known_again_and_replaced(place):
    entries = {}
    put("1", "a/b.txt", entries)
    assert (place / "a" / "b.txt").read_text() == "1" and mode(place / "a" / "b.txt") == "0o664"
    assert placing.states({"a/b.txt": (sha256("2"), 1)}, entries) == {"a/b.txt": ["ours", sha256("1")]}
    put("2", "a/b.txt", entries, executable=True)
    assert mode(place / "a" / "b.txt") == "0o775" and names(place / "a") == ["b.txt"]
    placing.take_away("a/b.txt", entries["a/b.txt"])
    assert names(place) == []


def test_what_was_changed_or_put_there_by_hand_is_kept(place):
    entries = {}
    put("1", "b.txt", entries)
    (place / "b.txt").write_text("mine")
    assert placing.states({"b.txt": (sha256("1"), 1)}, entries) == {"b.txt": ["by hand", None]}
    placing.take_away("b.txt", entries["b.txt"])
    assert (place / "b.txt").read_text() == "mine"
    put("2", "b.txt", entries)
    (place / "b.txt").write_text("mine again")
    put("3", "b.txt", entries)
    kept = sorted(path.read_text() for path in place.iterdir() if placing.BY_HAND in path.name)
    assert kept == ["mine", "mine again"] and (place / "b.txt").read_text() == "3"
    (place / "folder").write_text("a file")
    put("4", "folder/c", entries)
    assert (place / "folder" / "c").read_text() == "4"
    assert any(path.read_text() == "a file" for path in place.iterdir() if path.name.startswith("folder ("))


def test_after_a_crash_what_is_there_is_taken_for_what_it_is(place):
    entries = {}
    put("1", "b.txt", entries)
    assert placing.states({"b.txt": (sha256("1"), 1)}, {}) == {"b.txt": ["by hand", sha256("1")]}
    placing.OURS.write_text("{ half a li")
    assert placing.ours() == {}


def test_no_symbolic_link_leads_out_of_the_place(place, tmp_path):
    target = tmp_path / "etc"
    target.mkdir()
    (target / "b.txt").write_text("root's")
    (place / "a").symlink_to(target)
    entries = {
        "a/b.txt": {"sha256": SUM, "by": "push", "size": 6, "mtime": (target / "b.txt").stat().st_mtime_ns}
    }
    assert placing.states({"a/b.txt": (SUM, 6)}, entries) == {"a/b.txt": ["absent", None]}
    placing.take_away("a/b.txt", entries["a/b.txt"])
    put("1", "a/b.txt", entries)
    assert (target / "b.txt").read_text() == "root's" and not (place / "a").is_symlink()
    (place / "c").symlink_to(target / "b.txt")
    put("1", "c", entries)
    assert (target / "b.txt").read_text() == "root's"


def test_bytes_that_were_lost_on_the_way_are_not_published(place):
    class Payload:
        def read(self, size):
            yield b"other"

    with pytest.raises(OperationFailed, match="did not arrive"):
        droplet.publish([["a", SUM, 5, False, True]], [], Payload())
    assert names(place) == []


# Fetching.


@contextmanager
def server(behave):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            behave(self)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/file"
    finally:
        running.shutdown()
        running.server_close()


def fetch(url, text, progress=lambda text: None):
    fetching.fetch(url, sha256(text), "a/data", progress)


def test_a_server_that_hangs_up_again_and_again_delivers_in_the_end(place, monkeypatch):
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    text, asked = "0123456789" * 100, []

    def behave(request):
        asked.append(request.headers.get("Range"))
        first = int((asked[-1] or "bytes=0-")[6:-1])
        request.send_response(206 if first else 200)
        request.send_header("Content-Length", str(len(text) - first))
        request.end_headers()
        request.wfile.write(text[first : first + 300].encode())

    with server(behave) as url:
        fetch(url, text)
    assert (place / "a" / "data").read_text() == text
    assert asked == [None, "bytes=300-", "bytes=600-", "bytes=900-"]
    assert placing.ours()["a/data"]["by"] == "address" and names(placing.INCOMING) == []


def test_half_of_another_file_is_begun_anew(place):
    def behave(request):
        first = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        request.send_response(206 if first else 200)
        request.send_header("Content-Length", str(5 - first))
        request.end_headers()
        request.wfile.write(b"right"[first:])

    placing.incoming(f"{sha256('right')}.part").write_text("wro")
    with server(behave) as url:
        fetch(url, "right")
    assert (place / "a" / "data").read_text() == "right"


def test_a_server_without_ranges_and_without_a_length(place):
    def behave(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"right")

    placing.incoming(f"{sha256('right')}.part").write_text("wro")
    with server(behave) as url:
        fetch(url, "right")
    assert (place / "a" / "data").read_text() == "right"


@pytest.mark.parametrize(
    ("status", "tries", "words"),
    [(404, 1, "says 404"), (403, 1, "without a log-in"), (503, 5, "says 503")],
)
def test_what_a_server_refuses(place, monkeypatch, status, tries, words):
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    asked = []

    def behave(request):
        asked.append(1)
        request.send_error(status)

    with server(behave) as url, pytest.raises(OperationFailed) as caught:
        fetch(url, "right")
    assert words in caught.value.message + caught.value.fix and len(asked) == tries


def test_a_file_with_another_checksum_is_nowhere(place):
    def behave(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"other")

    with server(behave) as url, pytest.raises(OperationFailed) as caught:
        fetch(url, "right")
    assert sha256("other") in caught.value.message and sha256("right") in caught.value.message
    assert names(place) == [] and names(placing.INCOMING) == []


@pytest.mark.parametrize("told", [True, False], ids=["with its size", "without"])
def test_a_file_for_which_there_is_no_room(place, monkeypatch, told):
    monkeypatch.setattr(placing, "room", lambda: fetching.RESERVE + (10 if told else -1))

    def behave(request):
        request.send_response(200)
        if told:
            request.send_header("Content-Length", "11")
        request.end_headers()
        request.wfile.write(b"x" * 11)

    with server(behave) as url, pytest.raises(OperationFailed, match="has no room"):
        fetch(url, "x" * 11)
    assert names(placing.INCOMING) == []


def test_half_a_file_that_nobody_wants_any_more_is_removed(place):
    placing.incoming(f"{SUM}.part").write_text("1")
    placing.incoming("b.part").write_text("1")
    assert fetching.look([["a", SUM]], [])["halves"] == ["b.part"]
    fetching.tidy(["b.part"])
    assert names(placing.INCOMING) == [f"{SUM}.part"]


# The links in the homes.


def test_links_in_a_home_take_no_name_that_is_in_use(tmp_path, monkeypatch):
    place, home = tmp_path / "place", tmp_path / "home"
    place.mkdir()
    home.mkdir()
    script = tmp_path / "show"
    script.write_text(droplet.SHOW_TEXT.replace(str(tend_shared.SHARED), str(place)))

    def show():
        done = subprocess.run(
            ["sh", script], env={**os.environ, "HOME": str(home)}, capture_output=True, text=True
        )
        assert done.returncode == 0
        return done.stderr

    show()
    assert names(home) == (["shared"] if os.access(place, os.W_OK) else []), "teachers see an empty one"
    (place / "a").write_text("1")
    show()
    show()
    assert names(home) == ["shared"] and (home / "shared").readlink() == Path(place)
    (home / "shared").unlink()
    (home / "shared").mkdir()
    show()
    assert (home / "course-shared").readlink() == Path(place) and (home / "shared").is_dir()
    (home / "course-shared").unlink()
    (home / "course-shared").write_text("mine")
    assert "is not shown" in show()
    assert (home / "course-shared").read_text() == "mine" and names(home / "shared") == []
