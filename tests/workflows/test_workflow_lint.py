"""The tools see mistakes, on their lines; and one tool's findings do not hide another's."""

from pathlib import Path

import pytest

from coursehub.problems import Failure
from sandbox.github import lint

COMMIT = "3d3c42e5aac5ba805825da76410c181273ba90b1"
WORKFLOW = f"""\
name: Sample
on:
  push:
permissions: {{}}
concurrency:
  group: sample
  cancel-in-progress: false
jobs:
  sample:
    name: Sample
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{}}
    steps:
      - name: Check out
        uses: actions/checkout@{COMMIT} # v7.0.1
        with:
          persist-credentials: false
      - name: Say
        env:
          WORD: ${{{{ github.ref }}}}
        run: |
          cd content
          echo "$WORD"
"""
FILE = ".github/workflows/sample.yml"


def repository(root: Path, workflow: str, **files: str) -> Path:
    (root / ".github" / "workflows").mkdir(parents=True)
    (root / FILE).write_text(workflow)
    (root / ".github" / "pins.txt").write_text(f"# a table\nactions/checkout v7.0.1 {COMMIT}\n")
    for name, text in files.items():
        path = root / ".github" / "actions" / name / "action.yml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return root


def test_a_right_workflow_passes(tmp_path, capsys):
    assert lint.main(repository(tmp_path, WORKFLOW)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  push:", "  pusch:", 3, "pusch"),
        ("    steps:", "    needs: nobody\n    steps:", 14, "nobody"),
        ("persist-credentials", "persist-credential", 18, "persist-credential"),
        (f"actions/checkout@{COMMIT}", f"actions/other@{COMMIT}", 16, "actions/other"),
        ("${{ github.ref }}", "${{ github.reff }}", 21, "reff"),
        ("${{ github.ref }}", "${{ steps.say.outputs.x }}", 21, "say"),
        ("${{ github.ref }}", "${{ github.ref", 21, "expression"),
        ("  push:", "  schedule:\n    - cron: 99 * * * *", 4, "cron"),
        ("        run: |", "        uses: x/y@z\n        run: |", 22, "x/y@z"),
        ("permissions: {}", "permissions: {", 5, ""),
    ],
)
def test_the_parser_sees(tmp_path, old, new, line, message):
    found = lint.parser(repository(tmp_path, WORKFLOW.replace(old, new, 1)))
    assert [text for text in found if text.startswith(f"{FILE}:{line}: ") and message in text], found


def test_the_parser_sees_mistakes_in_actions(tmp_path):
    action = "name: A\ndescription: B\nruns:\n  using: composite\n  steps:\n    - run: echo\n"
    found = lint.parser(repository(tmp_path, WORKFLOW, broken=action))
    assert [text for text in found if text.startswith(".github/actions/broken/action.yml:6: ")], found


def test_shellcheck_names_the_line_of_the_workflow(tmp_path):
    found = lint.shellcheck(repository(tmp_path, WORKFLOW.replace('"$WORD"', "$WORD")))
    assert [text.split(": ")[0] for text in found] == [f"{FILE}:24"]
    assert "SC2086" in found[0]


def test_shellcheck_leaves_other_languages_alone(tmp_path):
    other = WORKFLOW.replace("        run: |", "        shell: python\n        run: |").replace(
        '"$WORD"', "$WORD"
    )
    assert lint.shellcheck(repository(tmp_path, other)) == []


def test_all_tools_are_heard_at_once(tmp_path, capsys, monkeypatch):
    def missing(root: Path) -> list[str]:
        raise Failure("it is not installed", fix="install it")

    monkeypatch.setitem(lint.CHECKS, "shellcheck", missing)
    wrong = WORKFLOW.replace("    timeout-minutes: 5\n", "").replace("  push:", "  pusch:")
    wrong = wrong.replace('echo "$WORD"', "echo ${{ github.head_ref }}")
    assert lint.main(repository(tmp_path, wrong)) == 1
    said = capsys.readouterr().err
    assert all(f"{tool}:" in said for tool in lint.CHECKS)
    assert "needs timeout-minutes" in said and "install it" in said and "template-injection" in said
