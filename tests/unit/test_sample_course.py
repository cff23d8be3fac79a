"""The sample course is whole: what its notebooks read, link to and import is there, and nothing is stale.

That every cell runs is tested on a real hub, as a student.
"""

import ast
import json
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONTENT = ROOT / "content"
DATA = CONTENT / "data"
NOTEBOOKS = sorted(CONTENT.rglob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

# How a package is imported, where that is not its name.
IMPORT_NAMES = {"matplotlib-base": "matplotlib"}
NOT_IMPORTED = {"pip"}

FILE_NAME = re.compile(r"[\w.-]+(/[\w.-]+)*\.[A-Za-z]\w*")
ABSOLUTE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]|file:")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def cells(path, kind):
    """The cells of a notebook that are "code" or "markdown"."""
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell):
    """A cell's text, which JSON has whole or as a list of lines."""
    return "".join(cell["source"])


def code(path):
    """All syntax of a notebook's code."""
    return [node for cell in cells(path, "code") for node in ast.walk(ast.parse(source(cell)))]


def strings(path):
    """The string literals of a notebook's code."""
    values = {node.value for node in code(path) if isinstance(node, ast.Constant)}
    return {value for value in values if isinstance(value, str)}


def local_links(text):
    return [link.split("#")[0] for link in LINK.findall(text) if not re.match(r"https?:|#", link)]


@pytest.fixture(scope="module")
def generator():
    """The program that makes the record."""
    return SimpleNamespace(**runpy.run_path(str(DATA / "make_port_selene.py")))


@each_notebook
def test_is_a_notebook_of_format_4_5_for_the_python_kernel(path):
    notebook = json.loads(path.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in ids)
    assert len(set(ids)) == len(ids)
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}
    assert all(source(cell).strip() and cell["metadata"] == {} for cell in notebook["cells"])


@each_notebook
def test_stores_no_outputs(path):
    stored = [(cell["outputs"], cell["execution_count"]) for cell in cells(path, "code")]
    assert stored == [([], None)] * len(stored)


@each_notebook
def test_reads_files_that_are_there_by_relative_paths(path):
    found = strings(path)
    assert [text for text in found if ABSOLUTE.match(text)] == []
    files = {text for text in found if FILE_NAME.fullmatch(text)}
    assert {"data/port-selene-2025.csv", "course.mplstyle"} <= files
    assert [name for name in files if not (path.parent / name).is_file()] == []


@pytest.mark.parametrize("path", [*NOTEBOOKS, DATA / "README.md"], ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text() if path.suffix == ".md" else "\n".join(map(source, cells(path, "markdown")))
    links = local_links(text)
    assert links
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_from_the_start_every_notebook_can_be_reached():
    reached, ahead = set(), {CONTENT / "StartHere.ipynb"}
    while ahead:
        path = ahead.pop()
        reached.add(path)
        links = (link for cell in cells(path, "markdown") for link in local_links(source(cell)))
        ahead |= {path.parent / link for link in links if link.endswith(".ipynb")} - reached
    assert reached == set(NOTEBOOKS)


def test_the_environment_has_what_is_imported_and_nothing_else():
    imported = set()
    for node in (node for path in NOTEBOOKS for node in code(path)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    packages = {re.split(r"[\s=<>!~]", text)[0] for text in conda + pip["pip"]} - NOT_IMPORTED
    assert imported - sys.stdlib_module_names == {IMPORT_NAMES.get(name, name) for name in packages}


def test_binder_understands_the_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert set(environment) <= {"name", "channels", "dependencies"}
    *conda, pip = environment["dependencies"]
    assert all(isinstance(text, str) for text in conda)
    assert set(pip) == {"pip"}
    assert "pip" in conda, "conda asks for pip to be named where a pip part follows"


def test_binder_understands_the_list_of_debian_packages():
    # Binder takes a line for a comment only if it begins with #, and refuses anything but a name.
    lines = [line.strip() for line in (ROOT / "apt.txt").read_text().splitlines()]
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages
    assert [line for line in packages if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line)] == []


def test_the_record_is_what_its_program_makes(generator):
    record = DATA / "port-selene-2025.csv"
    assert record.read_text().splitlines() == generator.record()
    assert record.stat().st_size <= 100_000


def test_the_description_tells_the_truth_about_the_record(generator):
    text = (DATA / "README.md").read_text()
    row = re.compile(r"\| (\w\d) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|")
    described = {name: tuple(map(float, numbers)) for name, *numbers in row.findall(text)}
    assert described == generator.CONSTITUENTS
    lines = generator.record()[1:]
    faults = sum(f",{generator.FAULT}," in line for line in lines)
    repeated = len(lines) - len(set(lines))
    assert f"{faults} levels of −9.99 m" in text
    assert f"{repeated} lines sent twice" in text
    assert f"{generator.HOURS - len(set(lines))} hours missing" in text
