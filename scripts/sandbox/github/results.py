"""What came of a step and of a job."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.github.logs import Annotation, Log

SUCCESS, FAILURE, CANCELLED, SKIPPED = "success", "failure", "cancelled", "skipped"


@dataclass
class StepRun:
    """One step. `outcome` is what happened, `conclusion` what counts (see continue-on-error)."""

    name: str
    id: str | None
    log: Log = field(repr=False)
    outcome: str = SKIPPED
    conclusion: str = SKIPPED
    secrets: set[str] = field(default_factory=set)
    """The names of the secrets that it could see: in expressions that it was made of, or by value."""
    outputs: dict[str, str] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    summary: str = ""
    steps: list[StepRun] = field(default_factory=list)
    """The steps inside, if it is a composite action's."""

    def context(self) -> dict:
        """What the `steps` context says of it."""
        return {"outputs": dict(self.outputs), "outcome": self.outcome, "conclusion": self.conclusion}


@dataclass
class JobRun:
    """One job; `permissions` are those that its token was made with."""

    id: str
    log: Log = field(repr=False)
    name: str = ""
    conclusion: str | None = None
    steps: list[StepRun] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    own_annotations: list[Annotation] = field(default_factory=list)

    @property
    def annotations(self) -> list[Annotation]:
        """The steps' and its own."""
        return [note for step in self.steps for note in step.annotations] + self.own_annotations

    @property
    def summary(self) -> str:
        """The steps' summaries, one after the other."""
        return "".join(step.summary for step in self.steps)

    def step(self, name: str) -> StepRun:
        """The step with this id or name; also one inside a composite action. Raises KeyError."""
        for step in every_step(self.steps):
            if name in (step.id, step.name):
                return step
        raise KeyError(name)


def every_step(steps: list[StepRun]) -> list[StepRun]:
    """The steps and those inside them."""
    return [found for step in steps for found in (step, *every_step(step.steps))]
