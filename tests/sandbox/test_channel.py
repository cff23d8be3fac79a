"""The stand-in for conda-forge: packages made of wheels are solved, installed and run like conda-forge's."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from coursehub.problems import Failure
from sandbox import channel, channel_python
from sandbox.channel_requirements import conda_depends, conda_name, conda_versions
from sandbox.mirror import Fault, Mirror

SYSTEM_PYTHON = Path("/usr/bin/python3")
INTERPRETERS = {"running": Path(sys.executable), "system": SYSTEM_PYTHON}
REQUIREMENTS = ("numpy", "tabulate==0.10.0", "pip")
OLDER = ("tabulate==0.9.0",)
# In a process of its own: an interpreter can crash while it exits after py-rattler has done its work.
INSTALL = """
import asyncio, os, sys
from rattler import Channel, Gateway, MatchSpec, install, solve

async def main(channel, prefix, cache, *specs):
    gateway = Gateway(cache_dir=os.path.join(cache, "repodata"))
    matches = [MatchSpec(spec) for spec in specs]
    records = await solve([Channel(channel)], matches, gateway=gateway, platforms=["linux-64", "noarch"])
    await install(records, prefix, cache_dir=os.path.join(cache, "packages"), show_progress=False)
    print(*sorted(f"{record.name.normalized}={record.version}" for record in records), flush=True)

try:
    asyncio.run(main(*sys.argv[1:]))
except Exception as error:
    print(error, file=sys.stderr, flush=True)
    os._exit(1)
os._exit(0)
"""


def install(url: str, prefix: Path, cache: Path, *specs: str) -> subprocess.CompletedProcess[str]:
    """Solve and install from a channel; what was installed is printed."""
    command = (sys.executable, "-c", INSTALL, url, str(prefix), str(cache), *specs)
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def output(*command: str | Path) -> str:
    """What a program prints; whatever the tests' own Python is told by its environment stays with it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=kept)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="session", params=sorted(INTERPRETERS))
def made(request, tmp_path_factory) -> tuple[Path, Path]:
    """A channel of a few packages and the interpreter that it was made from."""
    python = INTERPRETERS[request.param]
    if not python.exists():
        pytest.skip(f"there is no {python}")
    directory = tmp_path_factory.mktemp(request.param) / "channel"
    channel.build(directory, REQUIREMENTS, python, OLDER)
    return directory, python


@pytest.fixture(scope="session")
def served(made, tmp_path_factory) -> tuple[str, Path, Path]:
    """The channel's address, a prefix with its packages, and the cache from which they were linked."""
    directory, _ = made
    place = tmp_path_factory.mktemp("installed")
    prefix, cache = place / "environment", place / "cache"
    with Mirror(conda={"conda-forge": directory}) as mirror:
        url = mirror.conda_url("conda-forge")
        result = install(url, prefix, cache, "python", "numpy", "tabulate", "pip")
        assert result.returncode == 0, result.stderr
        yield url, prefix, cache


@pytest.mark.parametrize(
    ("pypi", "conda"),
    [
        ("", ""),
        (">=1.2", ">=1.2"),
        ("<2,>=1.2", "<2,>=1.2"),
        ("==1.5", "==1.5"),
        ("===1.5", "==1.5"),
        ("==1.5.*", "1.5.*"),
        ("!=1.5.*", "!=1.5.*"),
        ("~=1.4.2", "1.4.*,>=1.4.2"),
        ("~=1.4", "1.*,>=1.4"),
        ("~=2.0rc1", "2.*,>=2.0rc1"),
        ("!=1.3,>1", "!=1.3,>1"),
    ],
)
def test_versions_are_translated(pypi, conda):
    assert conda_versions(SpecifierSet(pypi)) == conda


@pytest.mark.parametrize(
    ("pypi", "conda"),
    [
        ("Jupyter_Client", "jupyter_client"),
        ("tzdata", "python-tzdata"),
        ("matplotlib", "matplotlib-base"),
        ("jupyterhub", "jupyterhub-base"),
        ("Zope.Interface", "zope-interface"),
    ],
)
def test_names_are_conda_forges(pypi, conda):
    assert conda_name(pypi) == conda


def test_markers_and_extras_are_resolved():
    others = {
        "schema": ["attrs", "fqdn; extra == 'format'", "other[deep]; extra == 'format'", "no; extra == 'x'"],
        "other": ["lark>=1; extra == 'deep'", "schema[format]; extra == 'deep'"],
    }
    environment = {"python_version": "3.11", "sys_platform": "linux"}
    depends = conda_depends(
        [
            "schema[format]>=4",
            "schema!=4.1",
            "tomli; python_version < '3.11'",
            "pywin32; sys_platform == 'win32'",
            "uvloop>=1; sys_platform != 'win32'",
            "pytest; extra == 'test'",
        ],
        environment,
        lambda name: others.get(name, ()),
    )
    assert depends == ["fqdn", "lark >=1", "other", "schema !=4.1,>=4", "uvloop >=1"]


def test_interpreter_and_compiled_modules_work(made, served):
    _, python = made
    _, prefix, _ = served
    program = (
        "import json, ssl, sqlite3, sys, numpy; print(json.dumps([sys.prefix, sys.version, numpy.__file__]))"
    )
    where, version, module = json.loads(output(prefix / "bin" / "python", "-c", program))
    assert where == str(prefix)
    assert version == output(python, "-c", "import sys; print(sys.version)")
    assert Path(module).resolve().is_relative_to(prefix)


def test_packages_can_be_added_with_uv_and_with_pip(served):
    _, prefix, _ = served
    python = prefix / "bin" / "python"
    output(sys.executable, "-m", "uv", "pip", "install", "--python", python, "iniconfig")
    output(python, "-m", "pip", "install", "--root-user-action=ignore", "--no-deps", "zipp")
    program = "import iniconfig, zipp; print(iniconfig.__file__); print(zipp.__file__)"
    for file in output(python, "-c", program).splitlines():
        assert Path(file).resolve().parent.parent == next((prefix / "lib").glob("python3.*/site-packages"))
    known = output(sys.executable, "-m", "uv", "pip", "freeze", "--python", python)
    assert {line.split("==")[0] for line in known.splitlines()} >= {"iniconfig", "numpy", "tabulate", "zipp"}
    output(sys.executable, "-m", "uv", "pip", "check", "--python", python)


def test_nothing_names_another_prefix(made, served):
    _, prefix, _ = served
    data = prefix.rglob("_sysconfigdata*.py")
    for file in (*prefix.glob("bin/*"), *data):
        content = file.read_bytes()
        assert b"placeholder_" not in content, file
        if content.startswith(b"#!"):
            assert content.startswith(f"#!{prefix}/bin/python".encode()), file
    assert output(prefix / "bin" / "f2py", "-v")
    assert "tabulate" in output(prefix / "bin" / "tabulate", "--help")
    home = channel_python.look_at(made[1]).prefix
    if home != Path("/usr"):
        configured = output(
            prefix / "bin" / "python", "-c", "import sysconfig as s; print(s.get_config_vars())"
        )
        assert str(home) not in configured


def test_compiled_modules_are_accepted(served):
    _, prefix, _ = served
    program = "import sys; sys.dont_write_bytecode = True; import json, numpy.linalg"
    said = subprocess.run(
        (prefix / "bin" / "python", "-v", "-c", program), capture_output=True, text=True
    ).stderr
    assert "numpy/linalg/__pycache__" in said
    assert "bytecode is stale" not in said


def test_each_version_offered_can_be_had(made, tmp_path):
    with Mirror(conda={"conda-forge": made[0]}) as mirror:
        url = mirror.conda_url("conda-forge")
        newest = install(url, tmp_path / "newest", tmp_path / "cache", "tabulate")
        older = install(url, tmp_path / "older", tmp_path / "cache", "tabulate=0.9")
    assert "tabulate=0.10.0" in newest.stdout
    assert "tabulate=0.9.0" in older.stdout


def test_index_in_the_cache_is_asked_for_again(made, tmp_path):
    with Mirror(conda={"conda-forge": made[0]}) as mirror:
        for _ in range(2):
            result = install(
                mirror.conda_url("conda-forge"), tmp_path / "prefix", tmp_path / "cache", "tabulate"
            )
            assert result.returncode == 0, result.stderr
    assert {answer.status for answer in mirror.requests} == {200, 304}


def test_tampered_package_is_refused(made, tmp_path):
    # Still a package that can be unpacked: nothing but its checksum tells.
    tampered = io.BytesIO(next(made[0].glob("noarch/tabulate-0.10.0-*.conda")).read_bytes())
    with zipfile.ZipFile(tampered, "a") as archive:
        archive.comment = b"not what was indexed"
    fault = Fault("*/tabulate-0.10.0-*.conda", content=tampered.getvalue(), times=100)
    with Mirror(conda={"conda-forge": made[0]}, faults=[fault]) as mirror:
        result = install(mirror.conda_url("conda-forge"), tmp_path / "prefix", tmp_path / "cache", "tabulate")
    assert result.returncode == 1
    assert "hash mismatch" in result.stderr
    assert not list(tmp_path.glob("prefix/lib/*/site-packages/tabulate"))


def test_channel_is_made_once(made, monkeypatch):
    directory, python = made
    before = snapshot(directory)

    def unexpected(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("sandbox.channel_wheels.install", unexpected)
    channel.build(directory, REQUIREMENTS, python, OLDER)
    assert snapshot(directory) == before
    with pytest.raises(AssertionError, match="made again"):
        channel.build(directory, REQUIREMENTS, python)


def test_failure_leaves_the_channel_as_it_was(made):
    directory, python = made
    before = snapshot(directory)
    with pytest.raises(Failure) as raised:
        channel.build(directory, ("numpy==0.0.1",), python)
    assert "numpy==0.0.1" in raised.value.detail
    assert snapshot(directory) == before
    assert sorted(path.name for path in directory.parent.iterdir()) == ["channel", "channel.lock"]


def test_broken_interpreter_is_named(tmp_path):
    with pytest.raises(Failure, match="is not a working Python interpreter"):
        channel.build(tmp_path / "channel", REQUIREMENTS, Path("/bin/false"))


def snapshot(directory: Path) -> Sequence[tuple[str, int, int]]:
    """The files of a directory, each with what changes when it is written again."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return [(str(path), path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
