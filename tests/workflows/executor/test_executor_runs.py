"""Runs: the order of jobs, concurrency groups, cancellation, limits of time, permissions."""

import time
from pathlib import Path

import pytest
from executed import job, workflow

from coursehub.problems import Failure
from sandbox.commands import wait_until

HOLDING = "[{run: 'touch \"$HOME/../../begun-$GITHUB_RUN_ID\"; exec sleep 30'}]"
"""A step that says that it has begun, and lasts until it is cancelled."""
WAITING = HOLDING.replace("exec sleep 30", 'until [ -e "$HOME/../../go" ]; do sleep 0.02; done')
"""A step that says that it has begun, and lasts until it may go on."""


def machines(runner) -> Path:
    return runner.directory / "machines"


def begun(runner, run) -> None:
    wait_until((machines(runner) / f"begun-{run.id}").exists, 10, f"the step of run {run.id}")


def conclusions(run) -> dict[str, str]:
    return {name: job.conclusion for name, job in run.jobs.items()}


def test_a_job_after_a_skipped_one_is_skipped_unless_it_says_otherwise(execute):
    run = execute(
        job("[{run: echo}]", "if: false", "first"),
        job("[{run: echo}]", "needs: first", "second"),
        job("[{run: echo}]", "needs: first\nif: always()", "stubborn"),
        job("[{run: echo}]", "needs: stubborn", "later"),
        job("[{run: echo}]", "needs: [stubborn, second]\nif: '!cancelled()'", "last"),
    )
    assert conclusions(run) == {
        "first": "skipped",
        "second": "skipped",
        "stubborn": "success",
        # Not only the jobs that it needs count, but those that they need too.
        "later": "skipped",
        "last": "success",
    }
    assert run.conclusion == "success"


def test_the_api_shows_how_a_run_stands(repository, runner):
    repository.workflow_runs = []
    head = "concurrency: {group: one}"
    repository.commit(workflow(job(WAITING), head=head))
    (first,), (second,) = runner.push(), runner.push()
    begun(runner, first)
    shown = repository.workflow_runs
    assert [(run.id, run.status) for run in shown] == [(first.id, "in_progress"), (second.id, "queued")]
    assert shown[0].workflow == ".github/workflows/test.yml" and shown[0].conclusion is None
    (machines(runner) / "go").touch()
    second.wait(20)
    assert [(run.status, run.conclusion) for run in shown] == [("completed", "success")] * 2


def test_a_run_whose_jobs_are_all_skipped_is_skipped(execute):
    assert execute(job("[{run: echo}]", "if: github.ref == 'x'")).conclusion == "skipped"


def test_after_a_failed_job_only_what_says_so_runs(execute):
    run = execute(
        job("[{run: exit 1}]", name="wrong"),
        job("[{run: echo}]", "needs: wrong", "next"),
        job("[{run: 'echo ${{ needs.wrong.result }}'}]", "needs: wrong\nif: failure()", "mending"),
    )
    assert conclusions(run) == {"wrong": "failure", "next": "skipped", "mending": "success"}
    assert "failure\n" in run.log.raw
    assert run.conclusion == "failure"


def test_a_job_that_takes_too_long_is_cancelled_and_cleans_up(execute):
    run = execute(
        job("[{id: slow, run: exec sleep 30}, {id: clean, run: echo, if: always()}]", "timeout-minutes: 1"),
        job("[{run: echo}]", "needs: work\nif: always() && needs.work.result == 'cancelled'", "after"),
    )
    assert conclusions(run) == {"work": "cancelled", "after": "success"}
    assert [step.outcome for step in run.jobs["work"].steps] == ["cancelled", "success"]
    assert "maximum execution time of 1 minutes" in " ".join(note.message for note in run.annotations)


def start(repository, runner, *jobs, head=""):
    repository.commit(workflow(*jobs, head=head))
    (run,) = runner.push()
    return run


def test_a_cancelled_step_may_end_in_order_and_cleaning_steps_still_run(repository, runner):
    steps = r"""
    - {uses: actions/setup-python@v5}
    - id: held
      shell: python
      run: |
        import os, signal, sys, time
        def end(*_):
            print("ending in order", flush=True)
            sys.exit(130)
        signal.signal(signal.SIGINT, end)
        open(os.path.expanduser(f"~/../../begun-{os.environ['GITHUB_RUN_ID']}"), "w").close()
        time.sleep(30)
    - {id: next, run: echo}
    - {id: failed, run: echo, if: failure()}
    - {id: cancelled, run: echo, if: cancelled()}
    - {id: always, run: sleep 0.2, if: always()}
    """
    run = start(repository, runner, job(steps), job("[{run: echo}]", "needs: work", "never"))
    begun(runner, run)
    run.cancel()
    run.wait(10)
    outcomes = {step.id: step.outcome for step in run.jobs["work"].steps if step.id}
    assert outcomes == {
        "held": "cancelled",
        "next": "skipped",
        "failed": "skipped",
        "cancelled": "success",
        "always": "success",
    }
    assert "ending in order" in run.log.raw
    assert conclusions(run) == {"work": "cancelled", "never": "cancelled"}
    assert run.conclusion == "cancelled"


def test_a_step_that_ignores_every_signal_is_killed_with_its_children(repository, runner):
    holding = HOLDING.replace("exec sleep 30", "trap : INT TERM; while :; do sleep 30; done")
    run = start(repository, runner, job(holding))
    begun(runner, run)
    before = time.monotonic()
    run.cancel()
    assert run.wait(10).jobs["work"].steps[0].outcome == "cancelled"
    assert time.monotonic() - before < 10


def test_bash_does_not_pass_the_interruption_on_to_what_it_runs(repository, runner):
    """As on GitHub: only with exec does a program get the chance to end in order."""
    child = "python3 -c \"import time; print('child', flush=True); time.sleep(30); print('not ended')\""
    run = start(repository, runner, job(HOLDING.replace("exec sleep 30", child.replace("'", "''"))))
    begun(runner, run)
    wait_until(lambda: "child" in run.log.raw.splitlines(), 5, "the child's line")
    run.cancel()
    run.wait(10)
    assert "KeyboardInterrupt" not in run.log.raw
    assert "not ended" not in run.log.raw.splitlines()


def test_what_always_runs_is_not_cancelled(repository, runner):
    run = start(
        repository,
        runner,
        job(WAITING, "if: always()", "kept"),
        job("[{run: exec sleep 30}]", name="ended"),
    )
    begun(runner, run)
    run.cancel()
    (machines(runner) / "go").touch()
    run.wait(10)
    assert conclusions(run) == {"kept": "success", "ended": "cancelled"}


def test_what_a_job_leaves_running_ends_with_it(execute):
    run = execute(job("[{run: 'setsid sleep 300 > /dev/null 2>&1 & echo \"id $!\"'}]"))
    number = next(line.split()[1] for line in run.log.raw.splitlines() if line.startswith("id "))
    wait_until(lambda: _has_ended(number), 5, "the end of what was left")


def _has_ended(number: str) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_a_newer_run_takes_the_place_of_one_that_waits(repository, runner):
    head = "concurrency: deploy"
    first = start(repository, runner, job(WAITING), head=head)
    begun(runner, first)
    second = start(repository, runner, job(WAITING), head=head)
    third = start(repository, runner, job(WAITING), head=head)
    assert second.wait(5).conclusion == "cancelled"
    assert conclusions(second) == {"work": "cancelled"}
    assert "higher priority" in second.annotations[0].message
    (machines(runner) / "go").touch()
    assert [run.wait(10).conclusion for run in (first, third)] == ["success", "success"]


def test_with_the_longer_queue_each_run_has_its_turn_in_order(repository, runner):
    head = "concurrency: {group: 'deploy-${{ github.ref }}', queue: max}"
    step = """
    - run: |
        echo "$GITHUB_RUN_ID" >> ~/../../order
        until [ -e ~/../../go ]; do sleep 0.02; done
        echo end >> ~/../../order
    """
    runs = [start(repository, runner, job(step), head=head) for _ in range(4)]
    (machines(runner) / "go").touch()
    assert [run.wait(10).conclusion for run in runs] == ["success"] * 4
    order = (machines(runner) / "order").read_text().split()
    assert order == [text for run in runs for text in (str(run.id), "end")]


def test_a_newer_run_may_cancel_the_one_in_progress(repository, runner):
    head = "concurrency: {group: deploy, cancel-in-progress: true}"
    first = start(repository, runner, job(HOLDING), head=head)
    begun(runner, first)
    second = start(repository, runner, job("[{run: echo}]"), head=head)
    assert second.wait(10).conclusion == "success"
    assert first.wait(10).conclusion == "cancelled"


def test_jobs_of_different_runs_share_groups_too(repository, runner):
    first = start(repository, runner, job(WAITING, "concurrency: deploy"))
    begun(runner, first)
    second = start(
        repository,
        runner,
        job("[{run: echo}]", "concurrency: DEPLOY", "held"),
        job("[{run: echo}]", name="free"),
    )
    wait_until(lambda: second.jobs.get("free") and second.jobs["free"].conclusion, 5, "the free job")
    assert second.jobs["held"].conclusion is None
    (machines(runner) / "go").touch()
    assert second.wait(10).conclusion == first.wait(10).conclusion == "success"


def test_a_waiting_run_can_be_cancelled(repository, runner):
    first = start(repository, runner, job(HOLDING), head="concurrency: deploy")
    begun(runner, first)
    second = start(repository, runner, job(HOLDING), head="concurrency: deploy")
    second.cancel()
    assert second.wait(5).conclusion == "cancelled"
    with pytest.raises(Failure, match="did not end"):
        first.wait(0.01)


def test_a_job_in_the_group_of_its_own_run_is_told(execute):
    run = execute(job("[{run: echo}]", "concurrency: deploy"), head="concurrency: deploy")
    assert run.conclusion == "cancelled"
    assert "deadlock" in run.annotations[0].message


@pytest.mark.parametrize(
    ("head", "own", "permissions"),
    [
        (
            "permissions: {}",
            "permissions: {contents: read, issues: write}",
            {"contents": "read", "issues": "write"},
        ),
        ("permissions: {}", "", {}),
        ("permissions: read-all", "permissions: {contents: none}", {}),
        ("", "", {"contents": "read", "packages": "read"}),
    ],
)
def test_a_token_may_do_what_the_job_states(execute, repository, head, own, permissions):
    run = execute(job("[{run: echo}]", own), head=head)
    assert repository.tokens == [{**permissions, "metadata": "read"}]
    assert run.jobs["work"].permissions == repository.tokens[0]


def test_everything_ends_with_the_runner(repository, runner):
    run = start(repository, runner, job("[{run: exec sleep 30, if: always()}]", "if: always()"))
    wait_until(lambda: "sleep 30" in run.log.raw, 5, "the step")
    runner.__exit__(None, None, None)
    assert run.conclusion == "cancelled"
