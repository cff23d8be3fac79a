"""One run of a workflow: its jobs in their order, its cancellation, and what came of it."""

from __future__ import annotations

import threading
from typing import Any

from coursehub.problems import Failure
from sandbox.github.concurrency import Groups, Setting, Ticket
from sandbox.github.events import Event
from sandbox.github.expressions import Status, evaluate, string
from sandbox.github.jobs import JobExecution
from sandbox.github.logs import Annotation, Log, Masks
from sandbox.github.machine import Identity, Shared, github_context
from sandbox.github.parser import Job, Workflow
from sandbox.github.records import WorkflowRun, now
from sandbox.github.results import CANCELLED, FAILURE, SKIPPED, SUCCESS, JobRun, StepRun, every_step


class Run:
    """One run. It goes on in threads of its own; `wait()` for it."""

    def __init__(
        self, shared: Shared, groups: Groups, workflow: Workflow, trigger: Event, id: int, number: int
    ):
        self.shared, self.groups, self.workflow, self.trigger = shared, groups, workflow, trigger
        self.id, self.number = id, number
        self.event = trigger.name
        self.secrets = dict(shared.repository.secrets)
        self.masks = Masks(self.secrets.values())
        self.log = Log(self.masks)
        self.jobs: dict[str, JobRun] = {}
        self.conclusion: str | None = None
        self.error: BaseException | None = None
        """A failure of the runner itself; `wait()` raises it."""
        self.own_annotations: list[Annotation] = []
        self.setting: Setting | None = None
        self.name = workflow.name
        self.record = WorkflowRun(workflow.path, id, number, status="queued", event=trigger.name)
        """What the API shows of it."""
        self._ticket: Ticket | None = None
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._executions: dict[str, JobExecution] = {}
        self._over: set[str] = set()
        self._thread = threading.Thread(target=self._execute, name=f"run {id}", daemon=True)

    def start(self) -> Run:
        """Take a place in the concurrency group, and begin as soon as it is this run's turn."""
        service = self.shared.service
        if self.workflow.run_name is not None:
            self.name = string(evaluate(service, self.workflow.run_name, self.contexts()).value)
        concurrency = evaluate(service, self.workflow.concurrency, self.contexts()).value
        if concurrency:
            self.setting = Setting.of(concurrency)
            self._ticket = self.groups.enter(self.setting, self.cancel)
        self._thread.start()
        return self

    def wait(self, timeout: float = 60) -> Run:
        """Wait for the end, `timeout` seconds at most. Raises Failure, with the log, if it does not come."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise Failure(
                f"{self.workflow.path} did not end within {timeout:g} s", detail=self.log.masked[-4000:]
            )
        if self.error is not None:
            raise self.error
        return self

    def cancel(self, reason: str = "The run was canceled.") -> None:
        """Cancel as the button does: what does not run always is ended, the rest goes on."""
        if self.is_over:
            return
        with self._changed:
            if not self._cancelled.is_set():
                self.own_annotations.append(Annotation("error", reason))
            self._cancelled.set()
            running = [job for name, job in self._executions.items() if name not in self._over]
        if self._ticket is not None:
            self._ticket.withdraw()
        for execution in running:
            if not self._holds(execution.job):
                execution.cancel("The operation was canceled.")
        with self._changed:
            self._changed.notify_all()

    def force(self) -> None:
        """End everything at once: for the end of the runner."""
        self.cancel("The runner was shut down.")
        with self._changed:
            executions = list(self._executions.values())
        for execution in executions:
            execution.force()

    def join(self, timeout: float) -> None:
        """Wait for the end, and no longer than `timeout` seconds, whatever comes of it."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def annotations(self) -> list[Annotation]:
        """Of every job, then of the run itself."""
        return [note for job in self.jobs.values() for note in job.annotations] + self.own_annotations

    @property
    def summary(self) -> str:
        """The summaries of all jobs, one after the other, as the page of the run shows them."""
        return "".join(job.summary for job in self.jobs.values())

    @property
    def steps(self) -> list[StepRun]:
        """Every step of every job, those inside actions too."""
        return [step for job in self.jobs.values() for step in every_step(job.steps)]

    @property
    def is_over(self) -> bool:
        """Has it a conclusion?"""
        return self.conclusion is not None

    def contexts(self) -> dict[str, Any]:
        """What expressions outside jobs may use."""
        identity = Identity(self.id, self.number, self.workflow.name, self.workflow.path, "")
        return {
            "github": github_context(self.shared.repository, self.trigger, identity),
            "vars": dict(getattr(self.shared.repository, "variables", {})),
            "inputs": dict(self.trigger.inputs),
        }

    def _execute(self) -> None:
        try:
            if self._ticket is not None and not self._ticket.wait():
                for job in self.workflow.jobs:
                    self._end_without_running(job, CANCELLED)
            else:
                self.record.status = "in_progress"
                self._run_jobs()
            self.conclusion = self._concluded()
        except BaseException as error:
            self.error, self.conclusion = error, FAILURE
            self.force()
        finally:
            self.record.conclusion, self.record.updated = self.conclusion, now()
            self.record.status = "completed"
            if self._ticket is not None:
                self.groups.leave(self._ticket)

    def _run_jobs(self) -> None:
        waiting = {job.id: job for job in self.workflow.jobs}
        threads = []
        while waiting:
            ready = [job for job in waiting.values() if set(job.needs) <= self._over]
            for job in ready:
                del waiting[job.id]
                if thread := self._started(job):
                    threads.append(thread)
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self.error
                        or not waiting
                        or any(set(job.needs) <= self._over for job in waiting.values())
                    )
                )
            if self.error is not None:
                raise self.error
        for thread in threads:
            thread.join()
        if self.error is not None:
            raise self.error

    def _started(self, job: Job) -> threading.Thread | None:
        if not self._holds(job):
            self._end_without_running(job, CANCELLED if self._cancelled.is_set() else SKIPPED)
            return None
        execution = JobExecution(self, job, self._needs(job))
        with self._changed:
            self.jobs[job.id] = execution.result
            self._executions[job.id] = execution
        thread = threading.Thread(target=self._run_job, args=(execution,), daemon=True)
        thread.start()
        return thread

    def _run_job(self, execution: JobExecution) -> None:
        try:
            execution.execute()
        except BaseException as error:
            self.error = error
            execution.result.conclusion = FAILURE
        with self._changed:
            self._over.add(execution.job.id)
            self._changed.notify_all()

    def _end_without_running(self, job: Job, conclusion: str) -> None:
        name = job.name if isinstance(job.name, str) else job.id
        self.jobs[job.id] = JobRun(job.id, Log(self.masks, self.log), name, conclusion)
        self._over.add(job.id)

    def _holds(self, job: Job) -> bool:
        """Does the job's condition hold, with what is known of the jobs before it?"""
        cancelled = self._cancelled.is_set()
        before = [self.jobs[name].conclusion for name in self._before(job)]
        status = Status(
            success=not cancelled and all(result == SUCCESS for result in before),
            failure=FAILURE in before,
            cancelled=cancelled,
        )
        contexts = {**self.contexts(), "needs": self._needs(job)}
        return evaluate(self.shared.service, job.condition, contexts, status).truthy

    def _before(self, job: Job) -> set[str]:
        """The jobs that it needs, and those that they need."""
        jobs = {other.id: other for other in self.workflow.jobs}
        found: set[str] = set()
        asked = list(job.needs)
        while asked:
            name = asked.pop()
            if name not in found:
                found.add(name)
                asked += jobs[name].needs
        return found

    def _needs(self, job: Job) -> dict[str, Any]:
        return {
            name: {"result": self.jobs[name].conclusion, "outputs": dict(self.jobs[name].outputs)}
            for name in job.needs
        }

    def _concluded(self) -> str:
        results = {job.conclusion for job in self.jobs.values()}
        if self._cancelled.is_set() and results != {SUCCESS}:
            return CANCELLED
        for conclusion in (FAILURE, CANCELLED, SUCCESS):
            if conclusion in results:
                return conclusion
        return SKIPPED
