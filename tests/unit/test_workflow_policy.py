"""Each rule of the policy for workflows: what it must find, and what it must let pass."""

import pytest

from sandbox.github.policy import check
from sandbox.github.rules.subject import Pin

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PINS = {"actions/checkout": Pin("v9.8.7", COMMIT)}
PATHS = frozenset({"requirements.txt", "scripts/deploy.py", "scripts/sandbox/demo.py", "tests/run.sh"})
FILE = ".github/workflows/deploy.yml"
ACTION = ".github/actions/setup/action.yml"

IF = (
    "needs.gate.outputs.ready == 'true' && !github.event.repository.is_template"
    " && !github.event.repository.fork"
)
WORKFLOW = f"""\
name: Deploy
on:
  push:
permissions: {{}}
jobs:
  gate:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{}}
    outputs:
      ready: ${{{{ steps.look.outputs.ready }}}}
    steps:
      - name: Look
        id: look
        env:
          HAVE_TOKEN: ${{{{ secrets.DIGITALOCEAN_TOKEN != '' }}}}
        run: echo "ready=$HAVE_TOKEN" >> "$GITHUB_OUTPUT"
  deploy:
    needs: gate
    if: {IF}
    runs-on: ubuntu-24.04
    timeout-minutes: 60
    permissions:
      contents: read
    concurrency:
      group: coursehub-droplet
      cancel-in-progress: false
      queue: max
    steps:
      - uses: actions/checkout@{COMMIT} # v9.8.7
        with:
          persist-credentials: false
      - uses: ./.github/actions/setup
        with:
          python: "3.12"
      - name: Deploy
        env:
          DIGITALOCEAN_TOKEN: ${{{{ secrets.DIGITALOCEAN_TOKEN }}}}
          GH_TOKEN: ${{{{ github.token }}}}
        run: |
          # set -x would print the token
          python scripts/deploy.py
"""
METADATA = """\
name: Set up
inputs:
  python:
    required: true
runs:
  using: composite
  steps:
    - name: Install
      shell: bash
      env:
        VERSION: ${{ inputs.python }}
      run: pip install --require-hashes --requirement requirements.txt
"""
RUN = "python scripts/deploy.py"
TOKEN = "DIGITALOCEAN_TOKEN: ${{ secrets.DIGITALOCEAN_TOKEN }}"


def findings(workflow: str = WORKFLOW, metadata: str = METADATA, file: str = FILE) -> list[str]:
    files = {file: workflow, ACTION: metadata}
    return [str(finding) for finding in check(files, PINS, PATHS)]


def changed(text: str, old: str, new: str) -> tuple[str, int]:
    """The text with one place changed, and the line of that place."""
    assert text.count(old) >= 1, f"{old!r} is not in the sample"
    before, _, after = text.partition(old)
    return before + new + after, before.count("\n") + 1


def test_the_sample_is_right():
    assert findings() == []


WRONG = {
    "no name": ("name: Deploy\non", "on", "the workflow has no name", 1),
    "trigger": ("  push:", "  pull_request_target:", "pull_request_target runs with rights"),
    "trigger alone": ("on:\n  push:", "on: workflow_run", "workflow_run runs with rights"),
    "trigger in a list": ("on:\n  push:", "on: [push, issue_comment]", "issue_comment runs with rights"),
    "top permissions": ("permissions: {}", "permissions: {contents: read}", "permissions: {} must stand"),
    "all permissions": ("permissions:\n      contents: read", "permissions: read-all", "must name its"),
    "no permissions": ("    permissions: {}\n    outputs", "    outputs", "the job gate must name its", 6),
    "no limit": ("    timeout-minutes: 5\n", "", "the job gate needs timeout-minutes", 6),
    "long limit": ("minutes: 60", "minutes: 91", "the job deploy needs timeout-minutes"),
    "limit as text": ("minutes: 60", 'minutes: "60"', "the job deploy needs timeout-minutes"),
    "runner": ("runs-on: ubuntu-24.04", "runs-on: ubuntu-latest", "the job gate must run on ubuntu-24.04"),
    "tag": (f"checkout@{COMMIT}", "checkout@v9.8.7", "must be pinned to a commit"),
    "short commit": (f"checkout@{COMMIT}", f"checkout@{COMMIT[:12]}", "must be pinned to a commit"),
    "other commit": (COMMIT, COMMIT[::-1], f"actions/checkout is pinned to {COMMIT}"),
    "other version": ("# v9.8.7", "# v9.8.6", "must be # v9.8.7"),
    "no version": (" # v9.8.7", "", "must be # v9.8.7"),
    "foreign action": ("actions/checkout@", "someone/checkout@", "someone/checkout is not in"),
    "no local action": ("./.github/actions/setup", "./.github/actions/set", "there is no action in"),
    "no such input": ("python:", "cache: x\n          python:", ".github/actions/setup has no input cache"),
    "kept token": ("persist-credentials: false", "persist-credentials: true", "a checkout needs", 30),
    "unnamed step": ("name: Deploy\n        env", "env", "the step has no name", 39),
    "expression in run": (RUN, "echo ${{ github.ref }}", "becomes part of the program"),
    "expression in shell": ("id: look", "shell: ${{ inputs.shell }}", "becomes part of the program"),
    "expression in folder": ("id: look", "working-directory: ${{ inputs.folder }}", "becomes part of the"),
    "any host key": (RUN, "ssh -o StrictHostKeyChecking=no host", "takes any server's host key"),
    "first host key": (RUN, 'ssh -o "StrictHostKeyChecking accept-new" h', "takes any server's host key"),
    "forgotten host key": (RUN, "ssh -o UserKnownHostsFile=/dev/null host", "takes any server's host key"),
    "keyscan": (RUN, "ssh-keyscan host >> known_hosts", "believes whoever answers"),
    "curl to sh": (RUN, "curl -fsSL https://example.org/x | sudo -E bash -s", "runs what it fetched"),
    "sh of curl": (RUN, "bash <(curl https://example.org/x)", "runs what it fetched"),
    "curl on two lines": (RUN, "wget -O- x \\\n            | sh", "runs what it fetched"),
    "pip": (RUN, "python -m pip install ruff", "installs what nobody pinned"),
    "pip, partly": (RUN, "pip install ruff && pip install --require-hashes x", "installs what nobody pinned"),
    "trace": (RUN, "set -eux", "prints every command"),
    "long trace": (RUN, "set -o xtrace", "prints every command"),
    "traced shell": ("id: look", "shell: bash -ex {0}", "prints every command"),
    "no script": (RUN, "python scripts/deplyo.py", "there is no scripts/deplyo.py"),
    "no module": (RUN, "python -m sandbox.dmeo", "there is no scripts/sandbox/dmeo.py"),
    "no requirements": (RUN, "pip install --require-hashes -r dev.txt", "there is no dev.txt"),
    "truthy output": (IF, IF.replace(" == 'true'", ""), "holds even if it says 'false'"),
    "negated output": (IF, "true && !" + IF.replace(" == 'true'", ""), "holds even if it says 'false'"),
    "output and boolean": (IF, IF.replace("'true'", "true"), "is a text and equals no true or false"),
    "truthy step": ("id: look", "if: steps.x.outputs.y", "steps.x.outputs.y holds even"),
    "truthy variable": ("id: look", "if: ${{ !vars.OFF }}", "vars.OFF holds even"),
    "secret for all": ("permissions: {}", "permissions: {}\nenv: {A: '${{secrets.X}}'}", "env.A", 5),
    "secret for a job": ("    outputs:", "    env: {A: '${{secrets.COURSE_SECRET}}'}\n    outputs:", "env.A"),
    "secret for an action": ('"3.12"', "${{ secrets.COURSE_SECRET }}", "is seen by more than needs it"),
    "secret in if": ("id: look", "if: secrets.COURSE_SECRET != ''", "is seen by more than needs it"),
    "token for an action": ('"3.12"', "${{ github.token }}", "is seen by more than needs it"),
    "token for a job": ("    outputs:", "    env: {A: '${{ secrets.GITHUB_TOKEN }}'}\n    outputs:", "env.A"),
    "all of github": ('"3.12"', "${{ toJSON(github) }}", "is seen by more than needs it"),
    "all secrets": (TOKEN, "ALL: ${{ toJSON(secrets) }}", "secrets must be named one by one"),
    "indexed secret": (TOKEN, "ONE: ${{ secrets[vars.WHICH] }}", "secrets must be named one by one"),
    "misspelt secret": (TOKEN, "X: ${{ secrets.DIGITALOCEAN_TOKN }}", "knows no secret DIGITALOCEAN_TOKN"),
    "misspelt flag": ("secrets.DIGITALOCEAN_TOKEN !=", "secrets.DO_TOKEN !=", "knows no secret DO_TOKEN"),
    "misspelt variable": (TOKEN, TOKEN.replace("TOKEN:", "TOKN:"), "not as DIGITALOCEAN_TOKN"),
    "handed on": ("    outputs:", "    secrets: inherit\n    outputs:", "not handed to other workflows"),
    "forgiven": ("Deploy\n        env", "Deploy\n        continue-on-error: 1\n        env", "must not", 37),
    "forgiven job": ("    needs: gate", "    needs: gate\n    continue-on-error: true", "must not fail", 20),
    "other group": ("group: coursehub-droplet", "group: deploy", "the job deploy must queue", 25),
    "cancelled": ("cancel-in-progress: false", "cancel-in-progress: true", "the job deploy must queue", 25),
    "replaced": ("      queue: max\n", "", "the job deploy must queue", 25),
    "templates": (" && !github.event.repository.is_template", "", "must exclude the template itself"),
    "forks": (" && !github.event.repository.fork", "", "must exclude forks"),
    "or forks": ("&& !github.event.repository.fork", "|| !github.event.repository.fork", "must exclude"),
    "only forks": ("!github.event.repository.fork", "github.event.repository.fork", "must exclude forks"),
    "not YAML": ("permissions: {}", "permissions: {", "is not YAML", None),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_finds(case):
    old, new, message, *where = case
    workflow, line = changed(WORKFLOW, old, new)
    found = findings(workflow)
    place = f"{FILE}:" if where == [None] else f"{FILE}:{(where or [line])[0]}: "
    assert [text for text in found if text.startswith(place) and message in text], found
    # Nothing else: but for `||`, which frees the job of both exclusions, each mistake is one finding.
    assert len(found) == (2 if "||" in new else 1), found


WRONG_ACTIONS = {
    "expression": (" --require-hashes", " ${{ inputs.python }} --require-hashes", "becomes part of"),
    "unnamed": ("    - name: Install\n      shell", "    - shell", "the step has no name"),
    "tag": ("    - name: Install", "    - uses: actions/checkout@v9\n    - name: Install", "must be pinned"),
    "truthy input": ("      shell: bash", "      shell: bash\n      if: inputs.python", "holds even if"),
    "token": ("    required: true", "    required: true\n    default: ${{ github.token }}", "is seen by"),
    "one more input": ("  python:", "  cache:\n    required: true\n  python:", "needs the input cache"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_ACTIONS.values(), ids=WRONG_ACTIONS)
def test_finds_in_actions(case):
    old, new, message = case
    found = findings(metadata=changed(METADATA, old, new)[0])
    assert [text for text in found if message in text], found


RIGHT = {
    "folder of an action": (f"checkout@{COMMIT}", f"checkout/deep/er@{COMMIT}"),
    "longest": ("minutes: 60", "minutes: 90"),
    "group of the workflow": (
        "permissions: {}",
        "permissions: {}\nconcurrency: {group: other, cancel-in-progress: true}",
    ),
    "excluded by the gate": (IF, "needs.gate.outputs.ready == 'true'"),
    "compared with false": ("!github.event.repository.fork", "github.event.repository.fork == false"),
    "braces": (IF, f"${{{{ {IF} }}}}"),
    "parentheses": (IF, f"always() && ({IF})"),
    "function of an output": (IF, f"contains(needs.gate.outputs.ready, 'x') && {IF}"),
    "boolean input": (IF, f"inputs.sure && {IF}"),
    "quoted": (IF, f"github.ref != 'secrets.X || needs.a.outputs.b' && {IF}"),
    "result": ("id: look", "if: always() && steps.x.outcome != 'failure'"),
    "two flags": ("DIGITALOCEAN_TOKEN != ''", "COURSE_SECRET != '' || secrets.SSH_PRIVATE_KEY != ''"),
    "token by another name": ("GH_TOKEN: ${{ github.token }}", "GH: ${{ secrets.GITHUB_TOKEN }}"),
    "pinned host key": (RUN, "ssh -o StrictHostKeyChecking=yes host"),
    "fetched": (RUN, "curl -fsSL https://example.org/x -o x || exit 1"),
    "pipe": (RUN, "curl -fsSL https://example.org/x | jq .name"),
    "strict": (RUN, "set -euo pipefail"),
    "script in the workspace": (RUN, '"$GITHUB_WORKSPACE/tests/run.sh"'),
    "script elsewhere": (RUN, "/opt/course/bin/look.py"),
    "script in the folder": (RUN, "cd scripts\n          python -m sandbox.demo"),
    "forgiven without secrets": ("id: look", "continue-on-error: true"),
}


@pytest.mark.parametrize("case", RIGHT.values(), ids=RIGHT)
def test_lets_pass(case):
    workflow, _ = changed(WORKFLOW, *case)
    if case[1] == "needs.gate.outputs.ready == 'true'":
        excluded = "if: github.event.repository.is_template == false && !github.event.repository.fork"
        workflow, _ = changed(workflow, "  gate:\n", f"  gate:\n    {excluded}\n")
    assert findings(workflow) == []


def test_a_gate_that_was_skipped_stops_no_job_that_always_runs():
    excluded = "if: '!github.event.repository.is_template && !github.event.repository.fork'"
    workflow, _ = changed(WORKFLOW, "  gate:\n", f"  gate:\n    {excluded}\n")
    workflow, line = changed(workflow, IF, "always() && needs.gate.outputs.ready == 'true'")
    assert [text.split(": ")[0] for text in findings(workflow)] == [f"{FILE}:{line}"] * 2


def test_a_plan_need_not_queue():
    workflow, _ = changed(WORKFLOW, "      queue: max\n", "")
    assert findings(workflow, file=".github/workflows/plan.yml") == []
