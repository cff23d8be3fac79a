"""The rule of the design: imports point one way, and each heavy library has one home."""

import ast
import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROGRAM = SCRIPTS / "coursehub"
HOMES = {
    "yaml": re.compile(r"settings\w*|environment_file"),
    "jsonschema": re.compile(r"settings\w*"),
    "pydo": re.compile(r"cloud\.api"),
    "azure": re.compile(r"cloud\.api"),
    "cryptography": re.compile(r"derivation|certificates"),
    "zxcvbn": re.compile(r"secrets"),
    "fabric": re.compile(r"ssh_login"),
    "paramiko": re.compile(r"ssh_login"),
    "requests": re.compile(r"probe|links\.following"),
    "markdown_it": re.compile(r"links\.titles"),
    "rattler": re.compile(r"solving|droplet\.rattler_install"),
    "nbclient": re.compile(r"notebooks\.\w+"),
    "nbformat": re.compile(r"notebooks\.\w+"),
    "jupyter_client": re.compile(r"notebooks\.\w+|droplet\.trial_kernel"),
    "rich": re.compile(r"report"),
}
LAYERS = ("model", "parts", "cloud", "targets", "pipeline")
"""A module may import from layers before its own, never from later ones."""

ON_A_PLAIN_RUNNER = ("gate", "notebooks_due", "checklist", "comment", "record")


def imported(path: Path) -> set[str]:
    """The modules that a file imports anywhere, relative ones made absolute."""
    package = ["coursehub", *path.relative_to(PROGRAM).parts[:-1]] if PROGRAM in path.parents else []
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def own_name(path: Path) -> str:
    return ".".join(path.relative_to(PROGRAM).with_suffix("").parts)


MODULES = sorted(PROGRAM.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=own_name)
def test_each_library_is_used_only_at_home(path):
    for name in imported(path):
        home = HOMES.get(name.split(".")[0])
        assert home is None or home.fullmatch(own_name(path)), f"{own_name(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=own_name)
def test_imports_point_one_way(path):
    name = own_name(path)
    own = LAYERS.index(name.split(".")[0]) if name.split(".")[0] in LAYERS else None
    for other in imported(path):
        assert not other.startswith("sandbox"), f"{name} imports the sandbox"
        layer = other.removeprefix("coursehub.").split(".")[0]
        if own is not None and other.startswith("coursehub.") and layer in LAYERS:
            assert LAYERS.index(layer) <= own, f"{name} imports {other}"
    if name.startswith(("droplet.", "watchdog.")):
        near = ("coursehub.droplet", f"coursehub.{name.partition('.')[0]}")
        foreign = {other for other in imported(path) if other.startswith("coursehub")}
        assert all(other.startswith(near) for other in foreign)


def test_scripts_are_thin():
    for path in SCRIPTS.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 30, f"{path.name} is more than a call"


def test_what_runs_on_the_droplet_is_standard_library_only():
    import sys

    for path in (*(PROGRAM / "droplet").glob("*.py"), *(PROGRAM / "watchdog").glob("*.py")):
        # Run by the Python of /opt/course/tools, which has py-rattler, and by a course's environment's.
        if path.stem in ("rattler_install", "trial_kernel"):
            continue
        roots = {name.split(".")[0] for name in imported(path)} - {"coursehub", ""}
        assert roots <= set(sys.stdlib_module_names), path.name


def test_what_runs_in_a_students_server_is_standard_library_only():
    import sys

    theirs = {
        *("nbgitpuller.pull", "nbgitpuller.pull.GitPuller"),
        *("nbgitpuller.handlers", "nbgitpuller.handlers.UIHandler"),
    }
    for path in (PROGRAM / "pulling").glob("*.py"):
        for name in imported(path) - theirs:
            # It is installed there under another name: see jupyter_server_config.py.
            ours = name.startswith(("coursehub.pulling", "coursehub_pulling.hook"))
            assert ours or name.split(".")[0] in sys.stdlib_module_names, f"{path.name}: {name}"


def test_what_runs_on_a_plain_runner_is_standard_library_only():
    """With all that it imports of the program: the gate must not wait for packages, nor the health check."""
    import sys

    left = [PROGRAM / "github" / f"{name}.py" for name in ON_A_PLAIN_RUNNER]
    left += [PROGRAM / "status" / f"{name}.py" for name in ("publish", "trial")]
    left.append(PROGRAM / "health" / "command.py")
    seen = set()
    while left:
        path = left.pop()
        seen.add(path)
        for name in imported(path):
            file = SCRIPTS / (name.replace(".", "/") + ".py")
            if name.startswith("coursehub") and file.exists() and file not in seen:
                left.append(file)
            elif not name.startswith("coursehub") and name:
                assert name.split(".")[0] in sys.stdlib_module_names, f"{own_name(path)} imports {name}"
    assert {PROGRAM / "github" / "rest.py", PROGRAM / "health" / "inside.py"} <= seen


def test_heavy_libraries_are_imported_only_where_used():
    """A deploy with nothing to do must not pay for the solver, and a script's --help for nothing at all."""
    import subprocess
    import sys

    code = "import sys, coursehub.command; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    heavy = {"fabric", "paramiko", "requests", "rattler", "pydo", "azure", "cryptography", "zxcvbn"}
    assert not heavy & set(done.stdout.split())
