"""Events: which workflows they start, and what the runs know of them."""

import json

import pytest
from executed import job, workflow

from coursehub.problems import Failure, InvalidInput
from sandbox.github import filters
from sandbox.github.inputs import RefusedInputs
from sandbox.github.parser import Unsupported

ECHO = job("[{run: echo}]")


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("content/**", ["content/a.md", "content/a/b.md"], ["content", "contents/a", "x/content/a"]),
        ("*", ["main"], ["a/b"]),
        ("**", ["main", "a/b"], []),
        ("**/docs/**", ["docs/a", "x/docs/a/b"], ["docs"]),
        ("*.jsx?", ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.1"]),
        ("course.yml", ["course.yml"], ["courseXyml", "a/course.yml"]),
    ],
)
def test_filter_patterns(pattern, matching, other):
    assert [name for name in matching + other if filters.selects([pattern], name)] == matching


def test_the_last_pattern_that_matches_decides():
    patterns = ["releases/**", "!releases/**-alpha", "releases/10-alpha"]
    assert filters.selects(patterns, "releases/10")
    assert not filters.selects(patterns, "releases/beta/3-alpha")
    assert filters.selects(patterns, "releases/10-alpha")


def test_a_push_starts_what_wants_its_branch_and_its_paths(repository, runner):
    on = "{push: {branches: [main], paths: ['course.yml', 'content/**', '!content/drafts/**']}}"
    repository.commit({**workflow(ECHO, on=on), "course.yml": "a: 1"})
    assert len(runner.push()) == 1  # a new branch: all of its files count
    repository.commit({"README.md": "hello", "content/drafts/a.md": "hello"})
    assert runner.push() == []
    repository.commit({"README.md": "hello again", "content/a.md": "hello"})
    (run,) = runner.push()
    assert run.wait(10).conclusion == "success"
    repository.commit({"course.yml": "a: 2"}, branch="other")
    assert runner.push("other") == []


def test_a_push_that_asks_for_no_run_gets_none(repository, runner):
    repository.commit(workflow(ECHO), message="Status [skip ci]")
    assert runner.push() == []


def test_paths_that_are_ignored(repository, runner):
    repository.commit({**workflow(ECHO, on="{push: {paths-ignore: ['**.md']}}"), "a.py": ""})
    assert len(runner.push()) == 1
    repository.commit({"a/b.md": "hello"})
    assert runner.push() == []
    repository.commit({"a/b.md": "hello again", "a.py": "1"})
    assert len(runner.push()) == 1


def test_who_wants_tags_alone_gets_no_branches(repository, runner):
    repository.commit(workflow(ECHO, on="{push: {tags: ['v*']}}"))
    assert runner.push() == []


def test_the_payload_is_in_the_event_file_and_in_the_context(repository, runner):
    steps = "[{run: 'cat \"$GITHUB_EVENT_PATH\"; echo; echo ${{ github.event.after == github.sha }}'}]"
    sha = repository.commit(workflow(job(steps)))
    (run,) = runner.push()
    lines = run.wait(10).log.raw.splitlines()
    payload = json.loads(next(line for line in lines if line.startswith("{")))
    assert (payload["after"], payload["created"]) == (sha, True)
    assert payload["repository"]["full_name"] == "school/course"
    assert "true" in lines


INPUTS = """
workflow_dispatch:
  inputs:
    name: {type: string, required: true}
    size: {type: choice, options: [small, large], default: large}
    sure: {type: boolean}
    days: {type: number, default: 3}
"""


def dispatching(steps: str) -> dict[str, str]:
    return workflow(job(steps), on="\n" + "\n".join("  " + line for line in INPUTS.splitlines()))


def test_inputs_have_defaults_and_types(repository, runner):
    steps = """
    - {id: yes, run: echo, if: inputs.sure == false && inputs.days == 3}
    - {id: no, run: echo, if: inputs.sure}
    - {run: "echo '[${{ inputs.name }}|${{ inputs.size }}|${{ github.event.inputs.sure }}]'"}
    """
    repository.commit(dispatching(steps))
    run = runner.dispatch("test.yml", {"name": "Ada"}).wait(10)
    assert "[Ada|large|false]" in run.log.raw
    outcomes = {step.id: step.outcome for step in run.steps if step.id}
    assert outcomes == {"yes": "success", "no": "skipped"}
    assert run.event == "workflow_dispatch"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "required input name"),
        ({"name": "x", "nme": "y"}, "unexpected inputs: nme"),
        ({"name": "x", "size": "middle"}, "one of small, large"),
        ({"name": "x", "sure": "perhaps"}, "true or false"),
        ({"name": "x", "days": "many"}, "a number"),
    ],
)
def test_inputs_that_github_refuses_start_nothing(repository, runner, given, complaint):
    repository.commit(dispatching("[{run: echo}]"))
    with pytest.raises(RefusedInputs, match=complaint):
        runner.dispatch("test.yml", given)
    assert runner.runs == []


def test_what_is_not_started_by_hand_cannot_be(repository, runner):
    repository.commit(workflow(ECHO))
    with pytest.raises(Failure, match="no workflow_dispatch"):
        runner.dispatch("test.yml")
    with pytest.raises(Failure, match=r"there is no .*other\.yml"):
        runner.dispatch("other.yml")


def test_a_schedule_runs_on_the_default_branch(repository, runner):
    lines = "{schedule: [{cron: '5 4 * * *'}, {cron: '0 * * * *'}]}"
    steps = "[{run: 'echo \"${{ github.event.schedule }} $GITHUB_REF\"'}]"
    repository.commit(workflow(job(steps), on=lines))
    run = runner.schedule("test.yml", "0 * * * *").wait(10)
    assert "0 * * * * refs/heads/main" in run.log.raw
    with pytest.raises(Failure, match="no schedule"):
        runner.schedule("test.yml", "1 1 1 1 1")


@pytest.fixture
def proposed(repository):
    """main has moved on since the branch `change` left it."""
    steps = """
    - {uses: actions/checkout@v4, with: {persist-credentials: false}}
    - id: show
      run: ls; echo "$GITHUB_REF $GITHUB_BASE_REF $GITHUB_HEAD_REF [$KEY]"
      env: {KEY: "${{ secrets.KEY }}"}
    """
    on = "{pull_request: {branches: [main], paths: ['new/**', 'test.txt']}}"
    head = "permissions: {contents: read, pull-requests: write}"
    repository.secrets["KEY"] = "very secret"
    repository.commit({**workflow(job(steps), on=on, head=head), "test.txt": "one"})
    repository.commit({"new/file": "hello"}, branch="change")
    repository.switch("main")
    repository.commit({"elsewhere": "hello"})
    return repository


def test_a_pull_request_runs_on_the_merge_of_both(proposed, runner):
    (run,) = runner.pull_request(7, head="change")
    run.wait(10)
    log = run.jobs["work"].step("show").log.raw
    assert {"new", "elsewhere", "test.txt"} <= set(log.splitlines())
    assert "refs/pull/7/merge main change [very secret]" in log
    assert proposed.tokens == [{"contents": "read", "pull-requests": "write", "metadata": "read"}]


def test_a_pull_request_from_a_fork_gets_no_secret_and_may_write_nothing(proposed, runner):
    (run,) = runner.pull_request(7, head="change", from_fork=True, head_full_name="eve/course", actor="eve")
    run.wait(10)
    assert "refs/pull/7/merge main change []" in run.log.raw
    assert run.jobs["work"].step("show").secrets == set()
    assert proposed.tokens == [{"contents": "read", "pull-requests": "read", "metadata": "read"}]
    assert run.trigger.payload["pull_request"]["head"]["repo"]["full_name"] == "eve/course"


def test_a_pull_request_with_conflicts_starts_nothing(proposed, runner):
    proposed.switch("change")
    proposed.commit({"test.txt": "two"}, branch="change")
    proposed.switch("main")
    proposed.commit({"test.txt": "three"})
    assert runner.pull_request(7, head="change") == []


def test_only_the_actions_that_are_wanted_start_a_run(proposed, runner):
    assert runner.pull_request(7, action="labeled", head="change") == []


@pytest.mark.parametrize(
    ("head", "job_head", "steps", "named"),
    [
        ("", "strategy: {matrix: {a: [1]}}", "[{run: echo}]", "jobs.work: `strategy`"),
        ("", "services: {db: {image: x}}", "[{run: echo}]", "`services`"),
        ("", "container: x", "[{run: echo}]", "`container`"),
        ("", "environment: x", "[{run: echo}]", "`environment`"),
        ("", "", "[{uses: 'docker://x'}]", "docker://x"),
        ("", "", "[{uses: other/action@v1}]", "other/action@v1"),
        ("defaults: {run: {shell: bash}}", "continue-on-error: true", "[{run: echo}]", "`continue-on-error`"),
    ],
)
def test_what_the_runner_cannot_do_is_refused_by_name(repository, runner, head, job_head, steps, named):
    repository.commit(workflow(job(steps, job_head), head=head))
    with pytest.raises(Unsupported, match="not supported") as refusal:
        runner.push()
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ("[{uses: actions/checkout@v4, with: {lfs: true}}]", "lfs"),
        ("[{run: echo, shell: pwsh}]", "pwsh"),
        ("[{uses: actions/cache@v5, with: {key: a, path: 'a/*'}}]", r"a/\*"),
    ],
)
def test_what_turns_out_to_be_unsupported_is_raised_by_waiting(repository, runner, steps, named):
    repository.commit(workflow(job(steps)))
    (run,) = runner.push()
    with pytest.raises(Unsupported, match=named):
        run.wait(10)


def test_a_wrong_workflow_is_refused_with_every_mistake(repository, runner):
    repository.commit(workflow(job("[{run: echo, uses: x}, {run: '${{ secret.x }}'}]")))
    with pytest.raises(InvalidInput) as refusal:
        runner.push()
    messages = [problem.message for problem in refusal.value.problems]
    assert len(messages) == 2
    assert all(problem.line for problem in refusal.value.problems)


def test_workflows_that_would_follow_are_refused(repository, runner):
    following = (
        "on: {workflow_run: {workflows: [Test]}}\njobs:\n  x: {runs-on: ubuntu-24.04, steps: [{run: echo}]}\n"
    )
    repository.commit({**workflow(ECHO), ".github/workflows/after.yml": following})
    with pytest.raises(Unsupported, match="workflow_run"):
        runner.push()
