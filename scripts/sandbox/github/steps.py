"""The steps of a job or of a composite action, one after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.github import actions, scripts
from sandbox.github.expressions import Evaluation, evaluate, string, strings
from sandbox.github.files import CommandFiles, WrongFile
from sandbox.github.logs import Log
from sandbox.github.machine import Machine
from sandbox.github.results import CANCELLED, FAILURE, SKIPPED, SUCCESS, StepRun
from sandbox.github.service import Refusal
from sandbox.github.workflow_commands import Listener


@dataclass
class Scope:
    """What steps share: a job's, or those of one composite action."""

    machine: Machine
    log: Log
    prefix: str = ""
    """Makes the names of files unique."""
    inputs: Mapping[str, str] | None = None
    """A composite action's; else the inputs of the run."""
    action_path: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    """What the step that uses the action sets for the steps in it."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """shell and working-directory."""
    failed: bool = False
    steps: dict[str, Any] = field(default_factory=dict)
    runs: list[StepRun] = field(default_factory=list)
    why_stop: Any = None
    """Asked by steps inside an action whether the step around them was stopped."""

    def contexts(self, env: Mapping[str, str]) -> dict[str, Any]:
        """What expressions in a step with this env context may use."""
        contexts = {**self.machine.contexts(), "steps": self.steps, "env": dict(env)}
        if self.inputs is not None:
            contexts["inputs"] = dict(self.inputs)
            contexts["github"] = {**contexts["github"], "action_path": self.action_path}
            # An action gets no secrets but those that it is given.
            contexts["secrets"] = {}
        return contexts

    def evaluate(self, value: Any, env: Mapping[str, str]) -> Evaluation:
        """Evaluate with this scope's contexts and status. Raises Refusal."""
        machine = self.machine
        return evaluate(
            machine.shared.service,
            value,
            self.contexts(env),
            machine.functions(self.failed),
            machine.workspace,
        )


def run_steps(scope: Scope, steps: tuple[Mapping[str, Any], ...]) -> None:
    """Run or skip each step; what came of them is in `scope.runs`, and in `scope.failed`."""
    for index, step in enumerate(steps):
        StepExecution(scope, step, f"{scope.prefix}{index}").run()


class StepExecution:
    """One step on its way from what the file states to what came of it: `record`."""

    def __init__(self, scope: Scope, step: Mapping[str, Any], number: str):
        self.scope, self.machine, self.step, self.number = scope, scope.machine, step, number
        log = Log(self.machine.masks, scope.log)
        self.record = StepRun(_plain_name(step), step.get("id"), log)
        self.listener = Listener(log, self.machine.masks)
        self.outer_env: dict[str, str] = dict(scope.env)
        """What the steps around it and it itself set, without what the job has."""
        self.env: dict[str, str] = {**self.machine.env, **scope.env}
        self.cancelled_before = self.machine.cancelled.is_set()
        self._stopped: str | None = None

    def run(self) -> None:
        """Run or skip the step; a step that goes wrong marks its scope as failed."""
        self.scope.runs.append(self.record)
        try:
            self.record.outcome = self._outcome()
        except (Refusal, WrongFile, actions.ActionFailed) as problem:
            self.listener.annotate("error", str(problem))
            self.record.log.write(f"##[error]{problem}")
            self.record.outcome = FAILURE
        self._conclude()

    def _conclude(self) -> None:
        record = self.record
        record.conclusion = record.outcome
        if record.outcome == FAILURE:
            forgiven = self.scope.evaluate(self.step.get("continue-on-error", False), self.env).value
            if forgiven is True:
                record.conclusion = SUCCESS
            else:
                self.scope.failed = True
        record.annotations.extend(self.listener.annotations)
        for inner in record.steps:
            record.annotations.extend(inner.annotations)
            record.summary += inner.summary
        if record.id:
            self.scope.steps[record.id] = record.context()

    def _outcome(self) -> str:
        own = self.scope.evaluate(self.step.get("env") or {}, self.env)
        self.outer_env |= strings(own.value)
        self.env |= self.outer_env
        condition = self.scope.evaluate(self.step["if"], self.env) if "if" in self.step else None
        if not (condition.truthy if condition else self.machine.functions(self.scope.failed).success):
            return SKIPPED
        self.record.secrets |= own.secrets | self.machine.env_secrets
        self.record.name = self._name()
        self.record.log.write(f"##[group]{self.record.name}")
        self.record.log.write("##[endgroup]")
        self.deadline = self._deadline()
        self.files = CommandFiles(self.machine.files, self.number)
        self.environment = {
            **self.machine.base(),
            **self.env,
            **self.machine.variables(),
            "PATH": self.machine.path(self.env.get("PATH")),
            "GITHUB_ACTION": self.record.id or f"__{self.number}",
            **({"GITHUB_ACTION_PATH": self.scope.action_path} if self.scope.action_path else {}),
            **self.files.environment,
        }
        self.record.secrets |= self.machine.secrets_in(self.environment)
        outcome = self._run_script() if "run" in self.step else self._use()
        outcome = self._read_files(outcome)
        if self.listener.complaints:
            raise actions.ActionFailed("; ".join(self.listener.complaints))
        return outcome

    def _name(self) -> str:
        name = self.step.get("name", self.step.get("run"))
        if name is None:
            return self.record.name
        text = string(self.scope.evaluate(name, self.env).value)
        return text if "name" in self.step else f"Run {first_line(text)}"

    def _deadline(self) -> float | None:
        if "timeout-minutes" not in self.step:
            return None
        self.minutes = float(self.scope.evaluate(self.step["timeout-minutes"], self.env).value)
        return time.monotonic() + self.minutes * self.machine.shared.timings.minute

    def _run_script(self) -> str:
        wanted = {**self.scope.defaults, **self.step}
        keys = ("run", "shell", "working-directory")
        script = self._given({key: wanted[key] for key in keys if key in wanted})
        ended = scripts.run(
            self.machine,
            script,
            self.number,
            self.environment,
            self.listener.hear,
            self.why_stop,
        )
        if ended.reason == CANCELLED:
            self.listener.annotate("error", "The operation was canceled.")
            return CANCELLED
        if ended.reason:
            self.listener.annotate("error", ended.reason)
            return FAILURE
        if ended.code:
            message = f"Process completed with exit code {ended.code}."
            self.listener.annotate("error", message)
            self.record.log.write(f"##[error]{message}")
            return FAILURE
        return SUCCESS

    def _use(self) -> str:
        uses = self.step["uses"]
        inputs = self._given(self.step.get("with") or {})
        if uses.startswith("./"):
            from sandbox.github import composite

            return composite.use(self, uses, inputs)
        call = actions.Call(self.machine, inputs, self.record, self.listener)
        actions.use(uses, call)
        self.record.outputs |= call.outputs
        return SUCCESS

    def _given(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Evaluated texts; the secrets in them, by name or by value, are from now on those of the step."""
        found = self.scope.evaluate(values, self.env)
        texts = strings(found.value)
        self.record.secrets |= found.secrets | self.machine.secrets_in(texts)
        return texts

    def why_stop(self) -> str | None:
        """Why the step must end now: that it took too long, or that its job was cancelled."""
        if self._stopped is None:
            self._stopped = self._reason_to_stop()
        return self._stopped

    def _reason_to_stop(self) -> str | None:
        if self.scope.why_stop is not None and (outer := self.scope.why_stop()):
            return outer
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return f"The action '{self.record.name}' has timed out after {self.minutes:g} minutes."
        if self.machine.cancelled.is_set() and not self.cancelled_before:
            # Asked once: a step whose condition holds in a cancelled job goes on.
            self.cancelled_before = True
            condition = self.scope.evaluate(self.step["if"], self.env) if "if" in self.step else None
            return None if condition and condition.truthy else CANCELLED
        return None

    def _read_files(self, outcome: str) -> str:
        machine, files, record = self.machine, self.files, self.record
        try:
            record.outputs |= files.outputs()
            machine.env |= files.variables()
        finally:
            machine.paths[:0] = files.paths()
        try:
            record.summary += machine.masks.hide(files.summary())
        except WrongFile as error:
            self.listener.annotate("error", str(error))  # GitHub says so, and the step goes on
        return outcome


def _plain_name(step: Mapping[str, Any]) -> str:
    """The name that GitHub gives a step before it evaluates anything."""
    name = step.get("name")
    if isinstance(name, str):
        return name
    if "uses" in step:
        return f"Run {step['uses']}"
    return f"Run {first_line(step['run'])}" if isinstance(step["run"], str) else "Run"


def first_line(text: str) -> str:
    """The line of a script that names its step."""
    return text.strip().partition("\n")[0]
