"""Composite actions of the repository itself: `uses: ./.github/actions/NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.github import parser, steps
from sandbox.github.actions import ActionFailed, check_steps
from sandbox.github.expressions import string
from sandbox.github.results import CANCELLED, FAILURE, SUCCESS

if TYPE_CHECKING:
    from sandbox.github.steps import StepExecution

NAMES = ("action.yml", "action.yaml")


def use(execution: StepExecution, uses: str, given: dict[str, str]) -> str:
    """Run the action's steps inside the step that uses it; returns its outcome. Raises ActionFailed."""
    machine, outer = execution.machine, execution.scope
    folder = machine.workspace / uses
    file = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if file is None:
        raise ActionFailed(f"can't find an action.yml in {uses}; did you forget to check the repository out?")
    action = parser.parse_action(
        machine.shared.service, str(file.relative_to(machine.workspace)), file.read_text()
    )
    check_steps(action.steps, action.path)
    scope = steps.Scope(
        machine=machine,
        log=execution.record.log,
        prefix=f"{execution.number}.",
        inputs=_inputs(action, given, execution, outer),
        action_path=str(folder.resolve()),
        env=execution.outer_env,
        why_stop=execution.why_stop,
        runs=execution.record.steps,
    )
    steps.run_steps(scope, action.steps)
    for inner in scope.runs:
        execution.record.secrets |= inner.secrets
    outputs = scope.evaluate(dict(action.outputs), execution.env)
    execution.record.outputs |= {name: string(value) for name, value in outputs.value.items()}
    if any(inner.outcome == CANCELLED for inner in scope.runs):
        return CANCELLED
    return FAILURE if scope.failed else SUCCESS


def _inputs(
    action: parser.Action, given: dict[str, str], execution: StepExecution, outer: Any
) -> dict[str, str]:
    known = {name.lower(): name for name in action.inputs}
    for name in given:
        if name.lower() not in known:
            valid = ", ".join(f"'{known_name}'" for known_name in action.inputs)
            execution.listener.annotate(
                "warning", f"Unexpected input(s) '{name}', valid inputs are [{valid}]"
            )
    defaults = {name: definition.get("default") for name, definition in action.inputs.items()}
    values = outer.evaluate(defaults, execution.env).value
    chosen = {name.lower(): value for name, value in given.items()}
    return {name: chosen.get(name.lower(), string(values[name])) for name in action.inputs}
