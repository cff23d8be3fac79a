"""The workflows as they are: no tool has anything to say, and no secret is forgotten."""

import re
from pathlib import Path

import pytest

from sandbox.github import lint
from sandbox.github.rules import subject

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("tool", lint.CHECKS)
def test_has_nothing_to_say(tool):
    assert subject.workflow_files(ROOT), "there are no workflows"
    assert lint.CHECKS[tool](ROOT) == []


def test_a_deploy_gets_every_secret_that_the_program_reads():
    """One that nobody passes on is as good as not set: GitHub says nothing, and neither can the program."""
    text = subject.workflow_files(ROOT)[".github/workflows/deploy.yml"]
    passed_on = re.findall(r"^ +(\w+): \$\{\{ secrets\.\1(?: \|\| vars\.\1)? \}\}$", text, re.MULTILINE)
    assert set(passed_on) == subject.DEPLOYING


def test_the_inputs_of_pinned_actions_are_known():
    """They are written down beside the parser, which finds no mistake in the inputs of other actions."""
    folder = ROOT / "scripts/sandbox/github/node/actions"
    assert {name for name in subject.read_pins(ROOT) if not (folder / f"{name}.yml").is_file()} == set()
