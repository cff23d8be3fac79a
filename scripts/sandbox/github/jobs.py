"""One job of a run: its turn, its machine, its steps and its outputs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.github import processes
from sandbox.github.actions import ActionFailed
from sandbox.github.concurrency import Setting
from sandbox.github.expressions import evaluate, string, strings
from sandbox.github.logs import Annotation, Log
from sandbox.github.machine import Identity, Machine
from sandbox.github.parser import Job
from sandbox.github.permissions import of_token
from sandbox.github.results import CANCELLED, FAILURE, SUCCESS, JobRun
from sandbox.github.service import Refusal
from sandbox.github.steps import Scope, run_steps

if TYPE_CHECKING:
    from sandbox.github.runs import Run


class JobExecution:
    """A job that has begun, or waits for its turn in a concurrency group."""

    def __init__(self, run: Run, job: Job, needs: Mapping[str, Any]):
        self.run, self.job, self.needs = run, job, needs
        self.result = JobRun(job.id, Log(run.masks, run.log), job.id)
        self.cancelled = threading.Event()
        self.machine: Machine | None = None
        self._ticket = None
        self._forced = False

    def cancel(self, reason: str) -> None:
        """End the job in GitHub's manner; steps that run always still do."""
        if not self.cancelled.is_set():
            self.result.own_annotations.append(Annotation("error", reason))
        self.cancelled.set()
        if self._ticket is not None:
            self._ticket.withdraw()
        if self.machine is not None:
            self._pass_on()

    def force(self) -> None:
        """End at once whatever runs."""
        self._forced = True
        self.cancel("The runner was shut down.")
        if self.machine is not None:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._forced:
            self.machine.force_at = 0
        elif self.machine.force_at is None:
            self.machine.force_at = time.monotonic() + self.run.shared.timings.force
        self.machine.cancelled.set()

    def execute(self) -> JobRun:
        """Wait for the turn, run the steps; returns when the job is over."""
        try:
            concurrency = self._evaluated(self.job.concurrency)
            if concurrency:
                self._queue(Setting.of(concurrency))
            if self.cancelled.is_set():
                self.result.conclusion = CANCELLED
            else:
                self._on_machine()
        except Refusal as refusal:
            self.result.own_annotations.append(Annotation("error", str(refusal)))
            self.result.conclusion = FAILURE
        finally:
            if self._ticket is not None:
                self.run.groups.leave(self._ticket)
        return self.result

    def _queue(self, setting: Setting) -> None:
        own = self.run.setting
        if own is not None and own.group.casefold() == setting.group.casefold():
            self.cancel(
                f"Canceling since a deadlock was detected for concurrency group: '{setting.group}' "
                f"between a top level workflow and '{self.job.id}'"
            )
            return
        self._ticket = self.run.groups.enter(setting, self.cancel)
        if self.cancelled.is_set():
            self._ticket.withdraw()
        self._ticket.wait()

    def _evaluated(self, value: Any, **more: Any) -> Any:
        return evaluate(
            self.run.shared.service, value, {**self.run.contexts(), "needs": self.needs, **more}
        ).value

    def _on_machine(self) -> None:
        machine = self.machine = self._prepared()
        timer = threading.Timer(self._limit(), self.cancel, [self._overtime()])
        timer.daemon = True
        timer.start()
        try:
            if self.cancelled.is_set():
                self._pass_on()
            self._set_environment(machine)
            scope = Scope(machine, self.result.log, defaults=self._defaults(), runs=self.result.steps)
            run_steps(scope, self.job.steps)
            machine.failed = scope.failed
            self._finish(machine, scope)
        finally:
            timer.cancel()
            processes.end_left_over(machine.tracking)
            machine.remove()

    def _prepared(self) -> Machine:
        run = self.run
        self.result.name = string(self._evaluated(self.job.name))
        self.result.permissions = of_token(self.job.permissions, trusted=run.trigger.trusted)
        token = run.shared.repository.token(self.result.permissions)
        run.masks.add(token)
        secrets = {**(run.secrets if run.trigger.trusted else {}), "GITHUB_TOKEN": token}
        identity = Identity(run.id, run.number, run.workflow.name, run.workflow.path, self.job.id)
        return Machine(
            run.shared, run.trigger, identity, secrets, token, self.result.permissions, self.needs, run.masks
        )

    def _set_environment(self, machine: Machine) -> None:
        contexts = machine.contexts()
        for env in (self.run.workflow.env, self.job.env):
            found = evaluate(machine.shared.service, env, contexts)
            machine.env |= strings(found.value)
            machine.env_secrets |= found.secrets

    def _defaults(self) -> dict[str, str]:
        defaults = {"shell": self.job.shell, "working-directory": self.job.working_directory}
        return {key: value for key, value in defaults.items() if value is not None}

    def _limit(self) -> float:
        self._minutes = float(self._evaluated(self.job.timeout_minutes))
        return self._minutes * self.run.shared.timings.minute

    def _overtime(self) -> str:
        return f"The job has exceeded the maximum execution time of {self._minutes:g} minutes."

    def _finish(self, machine: Machine, scope: Scope) -> None:
        if machine.status == SUCCESS:
            self._run_after(machine)
        self._set_outputs(scope)
        self.result.conclusion = machine.status

    def _run_after(self, machine: Machine) -> None:
        """What actions do at the end of a job that succeeded; what fails there is only told."""
        for act in reversed(machine.after):
            try:
                act()
            except ActionFailed as problem:
                self.result.own_annotations.append(Annotation("warning", str(problem)))

    def _set_outputs(self, scope: Scope) -> None:
        try:
            outputs = strings(scope.evaluate(dict(self.job.outputs), scope.machine.env).value)
        except Refusal as refusal:
            self.result.own_annotations.append(Annotation("error", str(refusal)))
            scope.machine.failed = True
            return
        for name, value in outputs.items():
            if self.run.masks.hide(value) != value:
                message = f"Skip output '{name}' since it may contain secret."
                self.result.own_annotations.append(Annotation("warning", message))
            elif value:
                self.result.outputs[name] = value
