"""Settings from good files: defaults, types, the override, and the schema as the single source."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from course_folder import FULL_SAMPLE, SAMPLE, make_course
from coursehub.accounts import unix_account
from coursehub.droplet_sizes import droplet_memory
from coursehub.settings import Notebooks, Settings, folder_from, load
from coursehub.settings_document import settings_page
from coursehub.settings_schema import defaults, schema, schema_at

ROOT = Path(__file__).parents[2]
GROUPS = (
    "github",
    "google",
    "openid",
    "lti",
    "droplet",
    "storage",
    "timetable",
    "https",
    "limits",
    "idle",
    "content",
    "shared",
    "notebooks",
    "health",
    "hub",
    "mirrors",
)


def leaves(part=None, path=()):
    """Every key of the schema that has a value of its own: (path, its part of the schema)."""
    for key, rule in (part or schema())["properties"].items():
        if "properties" in rule:
            yield from leaves(rule, (*path, key))
        else:
            yield (*path, key), rule


def test_an_empty_course_yml_gives_the_defaults(tmp_path):
    settings = load(make_course(tmp_path))
    assert settings.name == "My course"
    assert settings.admins == ("teacher",) and settings.users == ()
    assert settings.content.folder == "my-course" and settings.content.start == "StartHere.ipynb"
    assert settings.https.email is None and settings.https.domain is None
    assert settings.limits.memory == "1G" and settings.limits.cpu == 2.0
    assert settings.limits.processes == 1000
    assert settings.mirrors.conda == {} and settings.mirrors.pypi is None
    assert settings.environment.channels == ("conda-forge",) and settings.apt == ()
    for (first, *rest), rule in leaves():
        value = getattr(settings, first)
        for key in rest:
            value = getattr(value, key)
        if "default" in rule:
            assert value == (tuple(rule["default"]) if isinstance(rule["default"], list) else rule["default"])


def test_the_schema_is_valid_and_its_defaults_pass_it(tmp_path):
    Draft202012Validator.check_schema(schema())
    written = make_course(tmp_path / "second", yaml.safe_dump(defaults()))
    given = dataclasses.replace(load(written), root=tmp_path)
    assert given == dataclasses.replace(load(make_course(tmp_path / "third")), root=tmp_path)


def test_schema_and_settings_have_the_same_keys():
    beside = {"environment", "apt", "root", "roster"}
    fields = {field.name: field.type for field in dataclasses.fields(Settings)}
    assert set(schema()["properties"]) == set(fields) - beside
    module = sys.modules[Settings.__module__]
    for group in GROUPS:
        names = {field.name for field in dataclasses.fields(getattr(module, fields[group]))}
        assert names == set(schema_at((group,))["properties"])


def test_every_key_is_described_and_its_examples_are_valid():
    for path, rule in leaves():
        assert rule["description"].endswith((".", "`")), path
        assert "x-fix" in rule and ("default" in rule or "x-default" in rule or path[0] == "https"), path
        for example in rule.get("examples", ()):
            assert Draft202012Validator(rule).is_valid(example), (path, example)


def test_the_sample_shows_every_key_and_the_defaults(tmp_path):
    schema_file = SAMPLE.splitlines()[0].split("$schema=")[1]
    assert (ROOT / schema_file).is_file()
    uncommented = yaml.safe_load(FULL_SAMPLE)
    keys = {(key, inner) for key in uncommented for inner in (uncommented[key] if key in GROUPS else [None])}
    assert keys == {(path[0], path[1] if path[1:] else None) for path, _ in leaves()}
    assert Draft202012Validator(schema()).is_valid(uncommented)
    plain, sample = load(make_course(tmp_path / "a")), load(make_course(tmp_path / "b", SAMPLE))
    assert dataclasses.replace(plain, root=tmp_path) == dataclasses.replace(sample, root=tmp_path)


def test_the_documentation_is_up_to_date(tmp_path):
    page = ROOT / "Documentation" / "Settings.md"
    assert page.read_text(encoding="utf-8") == settings_page()
    command = [sys.executable, str(ROOT / "scripts" / "settings_page.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_everything_given(tmp_path):
    text = """
name: Übungen zur Geophysik
admins: [teacher, ada]
users: [ada, "12345", grace.h]
sign_in: sign-up
interface: notebook
droplet: {size: c-4-intel, region: fra1, image: debian-12-x64}
https: {email: You@school.edu, domain: hub.school.edu}
limits: {memory: 1.5G, cpu: 0}
idle: {stop_after_minutes: 90.0}
content: {start: week-1, links: [week-1/a.csv]}
notebooks: {test: false, stop_deploy: false, exclude: [week-1, "**/*-slow.ipynb"], time_limit_minutes: 30.0}
hub: {tljh_version: 2.1.0}
swap: 512M
mirrors:
  tljh_bootstrap: http://127.0.0.1:8000/bootstrap.py
  conda: {conda-forge: "http://[::1]:8000/conda-forge"}
  pypi: http://127.0.0.1:8000/simple
"""
    root = make_course(tmp_path, text)
    (root / "content" / "week-1").mkdir()
    (root / "content" / "week-1" / "a.csv").write_text("1\n")
    settings = load(root)
    assert settings.users == ("12345", "grace.h"), "an admin is not listed twice"
    assert settings.content.folder == "ubungen-zur-geophysik"
    assert settings.idle.stop_after_minutes == 90 and settings.idle.check_every_minutes == 5
    assert isinstance(settings.idle.stop_after_minutes, int) and settings.limits.cpu == 0.0
    assert settings.notebooks == Notebooks(False, False, ("week-1", "**/*-slow.ipynb"), 30)
    assert settings.hub.tljh_version == "2.1.0"
    assert settings.mirrors.conda == {"conda-forge": "http://[::1]:8000/conda-forge"}
    assert settings.root == root


def test_a_key_without_a_value_means_its_default(tmp_path):
    settings = load(make_course(tmp_path, "users:\ndroplet:\nlimits:\n  cpu:\nmirrors: {pypi: }\n"))
    assert settings.users == () and settings.droplet.region == "nyc3" and settings.limits.cpu == 2


def test_anchors_and_merge_keys(tmp_path):
    text = "admins: &people [ada]\nusers: *people\nlimits: {<<: {memory: 2G, cpu: 1}, cpu: 0.5}\n"
    settings = load(make_course(tmp_path, text))
    assert settings.admins == ("ada",)
    assert (settings.limits.memory, settings.limits.cpu) == ("2G", 0.5)


def test_the_override_is_laid_over_key_by_key(tmp_path):
    root = make_course(tmp_path, "name: Waves\nusers: [ada, bob]\nlimits: {memory: 2G, cpu: 1}\nswap: 2G\n")
    override = tmp_path / "local.yml"
    override.write_text("users: [grace]\nlimits: {cpu: 4}\nswap:\nmirrors: {conda: {forge: 'http://x'}}\n")
    settings = load(root, override)
    assert settings.name == "Waves" and settings.users == ("grace",)
    assert (settings.limits.memory, settings.limits.cpu) == ("2G", 4.0)
    assert settings.swap == "auto", "a key without a value takes the default back"
    assert settings.mirrors.conda == {"forge": "http://x"}


def test_the_override_mends_a_mistake(tmp_path):
    root = make_course(tmp_path, "users: Ada\n")
    override = tmp_path / "local.yml"
    override.write_text("users: [ada]\n")
    assert load(root, override).users == ("ada",)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Waves & Tides II", "waves-tides-ii"),
        ("Ökologie", "okologie"),
        ("波", "course"),
        ("a" * 99, "a" * 64),
    ],
)
def test_folder_from_the_name(name, folder):
    assert folder_from(name) == folder


@pytest.mark.parametrize(
    ("size", "gigabytes"),
    [
        ("s-1vcpu-1gb", 1),
        ("s-2vcpu-4gb-120gb-intel", 4),
        ("c-8", 16),
        ("so1_5-4vcpu-32gb", 32),
        ("g-2vcpu-8gb", 8),
    ],
)
def test_memory_of_a_size(size, gigabytes):
    assert droplet_memory(size) == gigabytes * 2**30


def test_every_size_of_the_schema_has_a_memory():
    for size in schema_at(("droplet", "size"))["anyOf"][0]["enum"]:
        assert droplet_memory(size) >= 2**30


def test_unix_accounts_as_tljh_makes_them():
    assert unix_account("ada") == "jupyter-ada"
    assert unix_account("a" * 17) == "jupyter-" + "a" * 17
    assert unix_account("a" * 18) == "jupyter-aaaaaaaaaaaaaaaaaa-3f1e4", "sha256sum says 3f1e47d9…"
    assert len(unix_account("a" * 64)) == 32
