"""Bytecode, trials and postBuild on prefixes made of this Python; the whole is in tests/sandbox."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from coursehub.droplet import bytecode, gently, post_build, smoke_test
from coursehub.droplet.provided_modules import provided_modules
from coursehub.droplet.system import OperationFailed

LIBRARY = f"lib/python3.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag


@pytest.fixture
def make_prefix(tmp_path):
    """Makes a prefix with files in its library, which `nobody` may look into."""
    for place in (tmp_path, *tmp_path.parents):
        if place.name.startswith(("pytest-", "popen-", "test_")):
            place.chmod(0o755)

    def make(name, files):
        prefix = tmp_path / name
        (prefix / "bin").mkdir(parents=True)
        (prefix / "bin/python").symlink_to(sys.executable)
        for path, text in files.items():
            place = prefix / LIBRARY / "site-packages" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return prefix

    return make


def compiled(prefix, module):
    folder, _, name = module.rpartition("/")
    return prefix / LIBRARY / "site-packages" / folder / "__pycache__" / f"{name}.{TAG}.pyc"


def test_what_an_earlier_generation_compiled_is_shared_and_the_rest_compiled(make_prefix):
    old = make_prefix("old", {"same/a.py": "A = 1\n", "changed.py": "B = 1\n"})
    bytecode.compile_bytecode(old, [], lambda text: None)
    new = make_prefix("new", {"changed.py": "B = 2\n", "broken.py": "def\n", "added.py": "C = 1\n"})
    (new / LIBRARY / "site-packages/same").mkdir()
    os.link(*(prefix / LIBRARY / "site-packages/same/a.py" for prefix in (old, new)))
    said = []
    bytecode.compile_bytecode(new, [old], said.append)
    assert said == ["compiling 3 modules"]
    assert compiled(new, "same/a").samefile(compiled(old, "same/a"))
    assert not compiled(new, "changed").samefile(compiled(old, "changed"))
    assert compiled(new, "added").exists()
    assert not compiled(new, "broken").exists()
    shutil.rmtree(old)
    script = "import added, changed, same.a; assert changed.B == 2; print(same.a.__file__, same.a.__cached__)"
    done = smoke_test.run_gently(
        [sys.executable, "-v", "-c", script], prefix=new, timeout=30, cwd=new / LIBRARY / "site-packages"
    )
    assert f"matches {new}/{LIBRARY}/site-packages/same/a.py" in done.replace("'", "")


def conda(prefix, stem, files, depends=()):
    record = {"files": [f"{LIBRARY}/site-packages/{file}" for file in files], "depends": list(depends)}
    (prefix / "conda-meta").mkdir(exist_ok=True)
    (prefix / "conda-meta" / f"{stem}.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("numpy", ["numpy"]),
        ("matplotlib-base", ["matplotlib"]),
        ("matplotlib", ["matplotlib", "tornado"]),
        ("python-dateutil", ["dateutil"]),
        ("scikit-learn", ["sklearn"]),
        ("pyyaml", ["yaml"]),
        ("cffi", ["cffi"]),
        ("google-cloud-storage", ["google.cloud.storage"]),
        ("typing-extensions", ["typing_extensions"]),
        ("nodejs", []),
        ("Tabulate", ["tabulate"]),
        ("odd.name", ["odd_name"]),
        ("not-there", None),
    ],
)
def test_the_modules_that_a_package_is_there_for(tmp_path, package, modules):
    conda(tmp_path, "numpy-1-0", ["numpy/__init__.py", "numpy/core/__init__.py", "numpy.libs/x.so"])
    conda(tmp_path, "matplotlib-base-3-0", ["matplotlib/__init__.py", "pylab.py", "mpl_toolkits/x.py"])
    conda(tmp_path, "matplotlib-3-0", [], ["matplotlib-base >=3", "tornado >=5", "python >=3"])
    conda(tmp_path, "tornado-6-0", ["tornado/__init__.py", "tornado/test/__init__.py"])
    conda(tmp_path, "python-dateutil-2-0", ["dateutil/__init__.py"])
    conda(tmp_path, "scikit-learn-1-0", ["sklearn/__init__.py", "tests/__init__.py", "_private.py"])
    conda(tmp_path, "pyyaml-6-0", ["yaml/__init__.py", "_yaml/__init__.py"])
    conda(tmp_path, "cffi-1-0", ["cffi/__init__.py", "_cffi_backend.cpython-311-x86_64-linux-gnu.so"])
    conda(
        tmp_path,
        "google-cloud-storage-2-0",
        ["google/cloud/storage/__init__.py", "google/cloud/storage/a.py"],
    )
    conda(tmp_path, "typing_extensions-4-0", ["typing_extensions.py"])
    conda(tmp_path, "nodejs-20-0", ["../../../bin/node"])
    for name, module in (("tabulate-0.9.0", "tabulate/__init__.py"), ("odd_name-1.0", "odd_name.abi3.so")):
        folder = tmp_path / LIBRARY / "site-packages" / f"{name}.dist-info"
        folder.mkdir(parents=True)
        (folder / "RECORD").write_text(f"{module},sha256=abc,10\n../../../bin/tabulate,,\n")
    assert provided_modules(tmp_path, package) == modules


class Trial(smoke_test.Trial):
    """A trial whose Python finds the prefix's packages, as a real environment's does."""

    def script(self, name, *arguments):
        text = smoke_test.sources.text(f"coursehub.droplet.{name}")
        first = f"import sys; sys.path.insert(0, {str(self.prefix / LIBRARY / 'site-packages')!r})\n"
        return self.run("python", "-c", first + text, *arguments)


@pytest.fixture
def trial(make_prefix, monkeypatch):
    # This Python may lie where nobody may look; the trials of a real machine are in tests/sandbox.
    monkeypatch.setattr(gently, "AS_NOBODY", ())
    modules = {
        "good": "print('{\"failed\": 0}')\n",
        "bad": "import no_such_module_at_all\n",
        "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n",
        "leaver": "raise SystemExit(3)\n",
        "heavy": "kept = b'x' * (300 << 20)\n",
        "one_more": "import sys; assert 'heavy' not in sys.modules\n",
    }
    prefix = make_prefix("new", {f"{name}.py": text for name, text in modules.items()})
    for name in modules:
        conda(prefix, f"{name}-1-0", [f"{name}.py"])
    home = prefix / "home"
    home.mkdir(mode=0o777)
    return Trial(prefix, home)


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("bad", "bad cannot be imported: ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("crash", "crash cannot be imported: python failed with exit code -11"),
        ("leaver", "leaver cannot be imported: SystemExit: 3"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named(trial, package, words):
    with pytest.raises(OperationFailed) as caught:
        smoke_test.try_imports(trial, ["good", package, "one_more"])
    assert words in caught.value.message
    assert package in caught.value.fix
    assert '{"trying"' not in caught.value.detail
    assert "importlib" not in caught.value.detail
    assert package != "bad" or 'bad.py", line 1' in caught.value.detail


def test_imports_go_on_in_a_fresh_process_when_they_fill_the_memory(trial):
    smoke_test.try_imports(trial, ["good", "heavy", "one_more"])


@pytest.mark.parametrize("sign", ["\x1b[32mOK", "\x1b[31m X"])
def test_an_extension_that_jupyterlab_cannot_load_is_named(trial, sign):
    program = trial.prefix / "bin/jupyter-labextension"
    line = f"        @some/extension v1.2 \x1b[32menabled\x1b[0m {sign}\x1b[0m (python, some)"
    program.write_text(f"#!/bin/sh\necho '{line}'\n")
    program.chmod(0o755)
    if sign.endswith("OK"):
        smoke_test.try_extensions(trial)
    else:
        with pytest.raises(OperationFailed, match="cannot load its extension @some/extension;"):
            smoke_test.try_extensions(trial)


@pytest.mark.skipif(os.geteuid() != 0, reason="postBuild is run as nobody, which takes root")
def test_a_post_build_adds_and_replaces_but_never_writes_into_what_is_shared(make_prefix):
    prefix = make_prefix("new", {"shared.py": "A = 1\n", "replaced.py": "A = 1\n"})
    (prefix / "bin/python").unlink()
    shutil.copy("/bin/true", prefix / "bin/python")
    settings = prefix / "etc/jupyter/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{}")
    others = [
        settings,
        *(prefix / LIBRARY / "site-packages" / f"{name}.py" for name in ("shared", "replaced")),
    ]
    for number, file in enumerate(others):
        os.link(file, prefix.with_name(f"of-the-class-{number}"))
    library = prefix / LIBRARY / "site-packages"
    text = f"""
    set -e
    test "$CONDA_PREFIX" = {prefix}
    test "$(command -v python)" = {prefix}/bin/python
    echo '{{"a": 1}}' > $CONDA_PREFIX/etc/jupyter/settings.json
    sed -i s/1/2/ {library}/replaced.py
    mkdir -m 700 {library}/added
    echo 'A = 3' > {library}/added/__init__.py
    ! ( echo 'A = 4' >> {library}/shared.py ) 2> /dev/null
    touch ~/may-write-at-home
    """
    post_build.run_post_build(prefix, text, lambda line: None)
    contents = [prefix.with_name(f"of-the-class-{number}").read_text() for number in range(3)]
    assert contents == ["{}", "A = 1\n", "A = 1\n"]
    assert settings.read_text() == '{"a": 1}\n'
    assert (library / "replaced.py").read_text() == "A = 2\n"
    assert (library / "added").stat().st_mode & 0o777 == 0o755
    assert {place.lstat().st_uid for place in [prefix, *prefix.rglob("*")]} == {0}


@pytest.mark.skipif(os.geteuid() != 0, reason="postBuild is run as nobody, which takes root")
def test_a_post_build_that_fails_says_its_last_words(make_prefix):
    said = []
    with pytest.raises(OperationFailed) as caught:
        post_build.run_post_build(make_prefix("new", {}), "#!/bin/sh\necho so far\nexit 7\n", said.append)
    assert caught.value.message.startswith("postBuild failed with exit code 7;")
    assert caught.value.detail == "so far"
    assert said == ["postBuild: so far"]


def test_the_pieces_are_sent_along():
    from coursehub import ssh

    folder = Path(bytecode.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(ssh.MODULES)
