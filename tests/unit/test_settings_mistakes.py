"""What is wrong with course.yml is said with its line, its key, what was found, and what to do."""

from __future__ import annotations

import random

import pytest

from course_folder import FULL_SAMPLE, assert_only, make_course, problems_of, problems_or_settings
from coursehub.accounts import unix_account

# course.yml, line, key, found, and words of the message or the fix
MISTAKES = {
    # Not YAML
    "tab": ("limits:\n\tmemory: 1G\n", 2, None, "memory: 1G", "tab", "spaces"),
    "second colon": (
        "name: Waves: an introduction\n",
        1,
        None,
        "name: Waves: an introduction",
        "colon",
        "quotes",
    ),
    "no colon": ("name\nswap: auto\n", 2, None, "swap: auto", "colon"),
    "open quote": ('a: 1\nname: "Waves\nswap: auto\n', 2, None, 'name: "Waves', "quotation mark"),
    "open bracket": ("swap: auto\nusers: [ada, bob\nname: x\n", 2, None, "users: [ada, bob", "]"),
    "open brace": ("limits: {memory: 1G\nname: x\n", 1, None, "limits: {memory: 1G", "}"),
    "bad indentation": ("users:\n  - ada\n - bob\n", 3, None, "- bob", "indentation"),
    "unknown alias": ("name: *Waves\n", 1, None, "name: *Waves", "alias"),
    "backslash": ('name: "C:\\Waves"\n', 1, None, 'name: "C:\\Waves"', "single quotes"),
    "at sign": ("name: @waves\n", 1, None, "name: @waves", "quotes"),
    "control character": ("swap: auto\nname: a\x00b\n", 2, None, None, "character"),
    "a list": ("- name: x\n", 1, None, None, "a list", "key: value"),
    "a text": ("hello\n", 1, None, None, "a single text"),
    "two documents": ("name: x\n---\nname: y\n", 3, None, None, "second document"),
    "foreign tag": ("name: !secret x\n", 1, "name", "!secret", "tag"),
    "itself": ("limits: &a\n  memory: *a\n", 1, "limits.memory", None, "alias"),
    "key twice": ("name: x\nswap: auto\nname: y\n", 3, "name", None, "given twice", "line 1"),
    "inner key twice": ("limits:\n  cpu: 1\n  cpu: 2\n", 3, "limits.cpu", None, "given twice", "line 2"),
    # What YAML makes of it
    "yes as a user": ("users:\n  - yes\n", 2, "users", "yes", "true", '"yes"'),
    "number as a user": ("users: [ada, 12345]\n", 1, "users", "12345", "number", '"12345"'),
    "octal user": ("users: [0123]\n", 1, "users", "0123", "the number 83", '"0123"'),
    "date as a name": ("name: 2026-03-01\n", 1, "name", "2026-03-01", "a date", '"2026-03-01"'),
    "no such date": ("name: 2026-13-41\n", 1, "name", "2026-13-41", "a date", '"2026-13-41"'),
    "called a date": ("name: !!timestamp soon\n", 1, "name", "soon", "a date", '"soon"'),
    "called a number": ("limits: {cpu: !!int two}\n", 1, "limits.cpu", "two", "a number"),
    "hours": (
        "idle:\n  stop_after_minutes: 1:30\n",
        2,
        "idle.stop_after_minutes",
        "1:30",
        "90",
        "whole minutes",
    ),
    "no for a region": ("droplet: {region: no}\n", 1, "droplet.region", "no", "false", "Choose one of"),
    "no for swap": ("swap: no\n", 1, "swap", "no", "false", "none"),
    "version": ("hub:\n  tljh_version: 2.0\n", 2, "hub.tljh_version", "2.0", "in quotes", '"2.0.0"'),
    "not a number": ("limits: {cpu: .nan}\n", 1, "limits.cpu", ".nan", "number"),
    "too long a number": (f"limits: {{cpu: {'9' * 5000}}}\n", 1, "limits.cpu", "9" * 60, "number"),
    "lines": ("name: |\n  one\n  two\n", 1, "name", "one\ntwo", "several lines"),
    "empty item": ("users:\n  - ada\n  -\n", 3, "users", None, "empty item"),
    # Keys
    "unknown key": ("swap: auto\ninterfaec: lab\n", 2, "interfaec", None, "Did you mean interface?"),
    "key of elsewhere": ("memory: 1G\n", 1, "memory", None, "belongs below limits:"),
    "key of the top": ("limits:\n  users: [ada]\n", 2, "limits.users", None, "left margin"),
    "unlike any key": ("wallpaper: blue\n", 1, "wallpaper", None, "Delete it", "sign_in"),
    "unknown inner key": ("droplet:\n  sise: x\n", 2, "droplet.sise", None, "Did you mean size?"),
    # Shapes
    "one admin": ("admins: ada\n", 1, "admins", "ada", "a list", "[ada]"),
    "no admin": ("admins: []\n", 1, "admins", None, "empty list", "admins: [teacher]"),
    "a group as a text": ("limits: 1G\n", 1, "limits", "1G", "a group of keys", "memory, cpu"),
    "a list as a name": ("name: [a, b]\n", 1, "name", None, "this is a list", "geophysics"),
    "content as a text": (
        "content: StartHere.ipynb\n",
        1,
        "content",
        "StartHere.ipynb",
        "folder, start, links",
    ),
    "droplet as a text": ("droplet: s-2vcpu-4gb\n", 1, "droplet", "s-2vcpu-4gb", "size, region, image"),
    "cpu in words": ("limits: {cpu: two}\n", 1, "limits.cpu", "two", "number", "0.5"),
    # Account names
    "upper case": ("users:\n  - ada\n  - Bob\n", 3, "users", "Bob", "Did you mean bob?"),
    "slash": ("users: [ada/bob]\n", 1, "users", "ada/bob", "Did you mean ada-bob?"),
    "space": ("users: [Ada Lovelace]\n", 1, "users", "Ada Lovelace", "Did you mean ada-lovelace?"),
    "address as a user": ("users: [ada@x.edu]\n", 1, "users", "ada@x.edu", "Did you mean ada?"),
    "empty user": ('users: [""]\n', 1, "users", None, "empty"),
    "long user": (f"users: [{'a' * 65}]\n", 1, "users", "a" * 60, "at most 64"),
    "dash first": ("admins: [-ada]\n", 1, "admins", "-ada", "Did you mean ada?"),
    "user twice": ("users:\n  - ada\n  - bob\n  - ada\n", 4, "users", "ada", "twice", "line 2"),
    # Droplet
    "size misspelt": (
        "droplet: {size: s-2vcpu-4bg}\n",
        1,
        "droplet.size",
        "s-2vcpu-4bg",
        "mean s-2vcpu-4gb?",
    ),
    "size of no droplet": (
        "droplet: {size: s-3vcpu-5gb}\n",
        1,
        "droplet.size",
        "s-3vcpu-5gb",
        "DigitalOcean has",
    ),
    "size too small": (
        "droplet: {size: s-1vcpu-512mb-10gb}\n",
        1,
        "droplet.size",
        "s-1vcpu-512mb-10gb",
        "DigitalOcean",
    ),
    "size of no family": ("droplet: {size: g-3vcpu-9gb}\n", 1, "droplet.size", "g-3vcpu-9gb", "DigitalOcean"),
    "region": ("droplet:\n  region: SYD1\n", 2, "droplet.region", "SYD1", "Did you mean syd1?"),
    "unheard-of region": ("droplet: {region: moon}\n", 1, "droplet.region", "moon", "region", "fra1"),
    "image": (
        "droplet: {image: ubuntu-24-04}\n",
        1,
        "droplet.image",
        "ubuntu-24-04",
        "mean ubuntu-24-04-x64?",
    ),
    # Https
    "email alone": ("https:\n  email: a@x.edu\n", 1, "https", None, "https.domain is missing", "Add domain:"),
    "domain alone": ("https:\n  email:\n  domain: x.edu\n", 1, "https", None, "https.email is missing"),
    "not an email": ("https: {email: ada, domain: x.edu}\n", 1, "https.email", "ada", "e-mail address"),
    "url as domain": (
        "https: {email: a@x.edu, domain: 'https://Hub.x.edu/'}\n",
        *(1, "https.domain", "https://Hub.x.edu/", "Did you mean hub.x.edu?"),
    ),
    "ip as domain": (
        "https: {email: a@x.edu, domain: 10.0.0.1}\n",
        1,
        "https.domain",
        "10.0.0.1",
        "IP address",
    ),
    # Limits, idle, swap
    "GB": ("limits: {memory: 1 GB}\n", 1, "limits.memory", "1 GB", "Did you mean 1G?"),
    "plain number": ("limits: {memory: 512}\n", 1, "limits.memory", "512", "512M"),
    "little memory": ("limits: {memory: 100M}\n", 1, "limits.memory", "100M", "too little", "256M"),
    "more than there is": ("limits: {memory: 5G}\n", 1, "limits.memory", "5G", "4 GB", "larger droplet"),
    "more than c-2 has": (
        "droplet: {size: c-2}\nlimits:\n  memory: 8G\n",
        *(3, "limits.memory", "8G", "4 GB", "c-2"),
    ),
    "negative cpu": ("limits: {cpu: -1}\n", 1, "limits.cpu", "-1", "0 for no limit"),
    "hardly a cpu": ("limits: {cpu: 0.001}\n", 1, "limits.cpu", "0.001", "0.1"),
    "hardly a process": ("limits: {processes: 20}\n", 1, "limits.processes", "20", "at least 200"),
    "never check": ("idle: {check_every_minutes: 0}\n", 1, "idle.check_every_minutes", "0", "at least 1"),
    "stop in a year": (
        "idle: {stop_after_minutes: 525600}\n",
        *(1, "idle.stop_after_minutes", "525600", "at most 10080"),
    ),
    "half minutes": (
        "idle: {stop_after_minutes: 2.5}\n",
        1,
        "idle.stop_after_minutes",
        "2.5",
        "whole minutes",
    ),
    "swap in words": ("swap: automatic\n", 1, "swap", "automatic", "auto, none"),
    "huge swap": ("swap: 64G\n", 1, "swap", "64G", "16G"),
    # The notebooks' test
    "test in words": ("notebooks: {test: maybe}\n", 1, "notebooks.test", "maybe", "true or false"),
    "no time at all": (
        "notebooks: {time_limit_minutes: 0}\n",
        *(1, "notebooks.time_limit_minutes", "0", "at least 1"),
    ),
    "one pattern, no list": ("notebooks: {exclude: old}\n", 1, "notebooks.exclude", "old", "Write [old]"),
    "pattern with a slash at its end": (
        "notebooks: {exclude: [old/]}\n",
        *(1, "notebooks.exclude", "old/", "Did you mean old?"),
    ),
    # Content
    "folder with a slash": ("content: {folder: a/b}\n", 1, "content.folder", "a/b", "Did you mean a-b?"),
    "hidden folder": ("content: {folder: .course}\n", 1, "content.folder", ".course", "Did you mean course?"),
    "start is absent": (
        "content:\n  start: Starthere.ipynb\n",
        2,
        "content.start",
        "Starthere.ipynb",
        "StartHere",
    ),
    "with content/": (
        "content: {start: content/StartHere.ipynb}\n",
        *(1, "content.start", "content/StartHere.ipynb", "Write StartHere.ipynb"),
    ),
    "outside": ("content: {start: ../x.ipynb}\n", 1, "content.start", "../x.ipynb", "within content/"),
    "absolute": (
        "content: {links: [/StartHere.ipynb]}\n",
        1,
        "content.links",
        "/StartHere.ipynb",
        "mean StartHere",
    ),
    "link is absent": ("content:\n  links:\n    - quux\n", 3, "content.links", "quux", "not in content/"),
    # Release dates
    "no date": (
        "content: {release: [{path: solutions}]}\n",
        *(1, "content.release", None, "a path with from, until or both", "- {path:"),
    ),
    "no path": ("content: {release: [{from: 2026-10-05}]}\n", 1, "content.release", None, "Add path"),
    "a path alone": ("content: {release: [solutions]}\n", 1, "content.release", "solutions", "path, from"),
    "date in words": (
        "content:\n  release:\n    - path: solutions\n      from: next week\n",
        *(4, "content.release.from", "next week", "a date", "2026-10-05 18:00"),
    ),
    "the 31st of June": (
        "content: {release: [{path: solutions, until: 2026-06-31}]}\n",
        *(1, "content.release.until", "2026-06-31", "no calendar has"),
    ),
    "with seconds": (
        "content: {release: [{path: solutions, from: 2026-06-30 10:00:30}]}\n",
        *(1, "content.release.from", "2026-06-30 10:00:30", "2026-10-05 18:00"),
    ),
    "the end of time": (
        "content: {release: [{path: solutions, until: 9999-12-31}]}\n",
        *(1, "content.release.until", "9999-12-31", "a day that there is"),
    ),
    "until before from": (
        "content: {release: [{path: solutions, from: 2026-10-05 18:00, until: 2026-10-05 17:59}]}\n",
        *(1, "content.release.until", "2026-10-05 17:59", "is not after from"),
    ),
    "all of content waits": (
        'content: {release: [{path: "**", from: 2026-10-05}]}\n',
        *(1, "content.release.path", "**", "StartHere.ipynb", "opens first"),
    ),
    "misspelt until": (
        "content: {release: [{path: solutions, from: 2026-10-05, untill: 2026-10-06}]}\n",
        *(1, "content.release.untill", None, "Did you mean until?"),
    ),
    # Maintenance
    "a date of maintenance that there is not": (
        "health: {maintenance: ['2027-02-30 08:00-12:00']}\n",
        *(1, "health.maintenance", "2027-02-30 08:00-12:00", "no calendar has", "a day that there is"),
    ),
    "maintenance ends first": (
        "health:\n  maintenance:\n    - sunday 04:00-02:00\n",
        *(3, "health.maintenance", "sunday 04:00-02:00", "ends before it begins", "the earlier time first"),
    ),
    "maintenance past midnight": (
        "health:\n  maintenance:\n    - monday 22:00-01:00\n",
        *(3, "health.maintenance", "monday 22:00-01:00", "ends before it begins", "two lines"),
    ),
    "no maintenance takes no time": (
        "health: {maintenance: ['2027-01-05 08:00-08:00']}\n",
        *(1, "health.maintenance", "2027-01-05 08:00-08:00", "ends before it begins"),
    ),
    # Hub and mirrors
    "v2": ("hub: {tljh_version: v2.0.0}\n", 1, "hub.tljh_version", "v2.0.0", "Did you mean 2.0.0?"),
    "latest": ("hub: {tljh_version: latest}\n", 1, "hub.tljh_version", "latest", "three numbers"),
    "no scheme": (
        "mirrors: {pypi: x.edu/simple}\n",
        1,
        "mirrors.pypi",
        "x.edu/simple",
        "mean https://x.edu/simple?",
    ),
    "password in an address": (
        "mirrors: {pypi: 'https://me:pass@x.edu'}\n",
        *(1, "mirrors.pypi", "https://***@x.edu", "without a user name or password"),
    ),
    "placeholder": (
        "mirrors: {tljh_bootstrap: 'https://x.edu/{tag}.py'}\n",
        *(1, "mirrors.tljh_bootstrap", "https://x.edu/{tag}.py", "{version}"),
    ),
    "channel's address": ("mirrors:\n  conda:\n    forge: x\n", 3, "mirrors.conda.forge", "x", "https://"),
    "channel's name": ("mirrors: {conda: {a b: 'http://x'}}\n", 1, "mirrors.conda.a b", None, "channel"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place_and_fix(tmp_path, name):
    text, line, key, found, *words = MISTAKES[name]
    assert_only(problems_of(make_course(tmp_path, text)), "course.yml", line, key, found, *words)


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path):
    text = "interfaec: lab\nusers:\n  - Ada\n  - 7\nlimits:\n  memory: 9G\n  memory: 99G\nswap: 99G\n"
    root = make_course(tmp_path, text, environment_yml="dependencies: numpy\n", apt_txt="\nVim\n")
    (root / "content" / "b.ipynb").write_text("{")
    places = [(problem.file, problem.line) for problem in problems_of(root)]
    assert places == [
        *(("course.yml", line) for line in (1, 3, 4, 7, 7, 8)),
        ("environment.yml", 1),
        ("apt.txt", 2),
        ("content/b.ipynb", 1),
    ]


def test_a_file_that_does_not_parse_hides_no_mistake_in_the_others(tmp_path):
    root = make_course(tmp_path, "name: [\n", environment_yml="prefix: /opt\n", apt_txt="Vim\n")
    assert [problem.file for problem in problems_of(root)] == ["course.yml", "environment.yml", "apt.txt"]


def test_two_long_names_may_not_share_a_unix_account(tmp_path):
    accounts: dict[str, str] = {}
    for number in range(100_000):
        name = f"student-of-geophysics-{number}"
        twin = accounts.setdefault(unix_account(name), name)
        if twin != name:
            break
    root = make_course(tmp_path, f"admins: [teacher]\nusers:\n  - {twin}\n  - {name}\n")
    assert_only(problems_of(root), "course.yml", 4, "users", name, "Unix account", twin)


def test_no_course_yml(tmp_path):
    make_course(tmp_path).joinpath("course.yml").unlink()
    assert_only(problems_of(tmp_path), "course.yml", None, None, None, "no such file", "may be empty")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding(tmp_path, encoding):
    root = make_course(tmp_path)
    (root / "course.yml").write_bytes("swap: auto\nname: Universität\n".encode(encoding))
    line = 1 if encoding == "utf-16" else 2
    assert_only(problems_of(root), "course.yml", line, None, None, "UTF-8")


def test_a_directory_in_place_of_the_file(tmp_path):
    root = make_course(tmp_path)
    (root / "course.yml").unlink()
    (root / "course.yml").mkdir()
    assert_only(problems_of(root), "course.yml", None, None, None, "cannot be read")


def test_mistakes_in_the_override_name_the_override(tmp_path):
    root = make_course(tmp_path / "course", "name: Waves\nlimits:\n  memory: 1G\n  cpu: two\n")
    inside, outside = root / "local.yml", tmp_path / "outside.yml"
    for path in (inside, outside):
        path.write_text("\nlimits:\n  memory: 9G\nnmae: x\n")
    for path, shown in ((inside, "local.yml"), (outside, str(outside))):
        places = [(problem.file, problem.line, problem.key) for problem in problems_of(root, path)]
        assert places == [
            ("course.yml", 4, "limits.cpu"),
            (shown, 3, "limits.memory"),
            (shown, 4, "nmae"),
        ]
    assert_only(
        problems_of(make_course(tmp_path / "b"), tmp_path / "none.yml"),
        str(tmp_path / "none.yml"),
        *[None] * 3,
    )


def test_many_aliases_end_soon(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert any(
        "too many values" in problem.message
        for problem in problems_of(make_course(tmp_path, "\n".join(lines)))
    )


def test_deep_nesting_ends_soon(tmp_path):
    assert_only(
        problems_of(make_course(tmp_path, "name: " + "[" * 5000)), "course.yml", *[None] * 3, "deeply"
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_damage_is_reported_or_harmless(tmp_path, seed):
    """Whatever happens to the file, there are problems or settings: never another exception."""
    generator = random.Random(seed)
    root = make_course(tmp_path)
    damaged = 0
    for _ in range(80):
        text = list(FULL_SAMPLE)
        for _ in range(generator.randint(1, 6)):
            start = generator.randrange(len(text))
            length = generator.choice((0, 1, 1, 2, 20))
            junk = generator.choice(
                (*"\t\n :-[]{}#&*!|>'\"%@`,?~\\\x00é0", "<<: ", "- ", "? ", "\n---\n", "!!set ")
            )
            text[start : start + length] = list(junk)
        (root / "course.yml").write_text("".join(text))
        damaged += problems_or_settings(root)[1] is None
    assert 20 < damaged < 80
