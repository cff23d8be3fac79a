"""Stand-ins for published actions, and actions of the repository itself."""

import sys

import pytest
from executed import job, workflow

CHECKOUT = "- {uses: actions/checkout@v4, with: {persist-credentials: false}}\n"


def test_a_checkout_has_one_commit_unless_asked_for_all(repository, execute):
    repository.commit({"a.txt": "1"})
    steps = """
    - {uses: actions/checkout@v4, with: {path: sub, fetch-depth: %s}}
    - {id: show, run: git -C sub log --oneline | wc -l}
    """
    one = execute(job(steps % 1))
    every = execute(job(steps % 0))
    assert one.jobs["work"].step("show").log.raw.splitlines()[-1] == "1"
    assert every.jobs["work"].step("show").log.raw.splitlines()[-1] == "3"


def test_a_checkout_is_on_its_branch_and_clean(execute):
    run = execute(
        job(
            CHECKOUT
            + "- {run: 'git status --short --branch; echo x > left; git log -1 --format=%H'}\n"
            + CHECKOUT
            + "- {id: show, run: ls}"
        )
    )
    assert "## main" in run.log.raw
    assert run.trigger.sha in run.log.raw.splitlines()
    assert "left" not in run.jobs["work"].step("show").log.raw


@pytest.mark.parametrize(
    ("permission", "persist", "conclusion"),
    [("write", "true", "success"), ("write", "false", "failure"), ("read", "true", "failure")],
)
def test_a_checkout_may_push_with_credentials_and_the_permission_alone(
    execute, permission, persist, conclusion
):
    steps = f"""
    - {{uses: actions/checkout@v4, with: {{persist-credentials: {persist}}}}}
    - run: git push origin HEAD:refs/heads/status
    """
    assert execute(job(steps, f"permissions: {{contents: {permission}}}")).conclusion == conclusion


def test_another_ref_can_be_checked_out(repository, execute):
    repository.commit({"special": "1"}, branch="other")
    run = execute(job("- {uses: actions/checkout@v4, with: {ref: other}}\n- {id: show, run: ls; git branch}"))
    log = run.jobs["work"].step("show").log.raw
    assert "special" in log and "* other" in log


def test_python_is_on_the_path(execute):
    run = execute(
        job(
            """
            - {id: python, uses: actions/setup-python@v5, with: {python-version: "3"}}
            - id: show
              run: python -c 'import sys; print(sys.prefix == sys.base_prefix)'; command -v python3
            - {run: "echo [${{ steps.python.outputs.python-version }}]"}
            """
        )
    )
    shown = run.jobs["work"].step("show").log.raw.splitlines()
    assert "True" in shown
    assert shown[-1].startswith(str(run.shared.directory))
    assert f"[{'.'.join(map(str, sys.version_info[:3]))}]" in run.log.raw


def cached(execute, key: str, ending: str = "true") -> str:
    """What a run with a cache of this key found: the output cache-hit, and the content."""
    steps = f"""
    - id: cache
      uses: actions/cache@v5
      with: {{key: "packages-{key}", restore-keys: packages-, path: "~/.kept"}}
    - id: show
      run: |
        echo "[${{{{ steps.cache.outputs.cache-hit }}}}] $(cat ~/.kept/* 2> /dev/null)"
        mkdir -p ~/.kept && echo of {key} > ~/.kept/file
        {ending}
    """
    lines = execute(job(steps)).jobs["work"].step("show").log.raw.splitlines()
    return next(line for line in lines if line.startswith("["))


def test_a_cache_is_missed_then_hit_and_saved_only_by_a_job_that_succeeds(execute):
    assert cached(execute, "one", ending="exit 1") == "[] "
    assert cached(execute, "one") == "[] "
    assert cached(execute, "one") == "[true] of one"
    assert cached(execute, "two") == "[false] of one"
    assert cached(execute, "two") == "[true] of two"


def test_a_longer_key_that_begins_alike_is_found_too(execute):
    def found(key: str) -> str:
        steps = f"""
        - {{id: cache, uses: actions/cache@v5, with: {{key: {key}, path: kept}}}}
        - {{id: show, run: "mkdir -p kept; echo [${{{{ steps.cache.outputs.cache-matched-key }}}}]"}}
        """
        return execute(job(steps)).jobs["work"].step("show").log.raw.splitlines()[-1]

    assert found("packages-1") == "[]"
    assert found("packages") == "[packages-1]"


def test_a_branch_does_not_see_the_cache_of_another_but_main(repository, runner, execute):
    def of(branch: str, key: str) -> str:
        steps = f"""
        - {{id: cache, uses: actions/cache@v5, with: {{key: {key}, path: kept}}}}
        - {{id: show, run: "mkdir -p kept; echo [${{{{ steps.cache.outputs.cache-hit }}}}]"}}
        """
        repository.commit(workflow(job(steps)), branch=branch)
        (run,) = runner.push(branch)
        return run.wait(10).jobs["work"].step("show").log.raw.splitlines()[-1]

    assert of("one", "a") == "[]"
    assert of("two", "a") == "[]"
    assert of("main", "b") == "[]"
    assert of("two", "b") == "[true]"


def test_artifacts_pass_between_the_jobs_of_a_run(execute):
    run = execute(
        job(
            """
            - {run: mkdir -p out/sub; echo 1 > out/a.txt; echo 2 > out/sub/b.txt; echo 3 > out/.hidden}
            - {uses: actions/upload-artifact@v7, with: {name: results, path: out}}
            - {uses: actions/upload-artifact@v7, with: {name: texts, path: "out/**/*.txt\\n!out/a.txt"}}
            """
        ),
        job(
            """
            - {uses: actions/download-artifact@v8, with: {name: results, path: in}}
            - {uses: actions/download-artifact@v8, with: {path: all}}
            - {id: show, run: find . -type f | sort}
            """,
            "needs: work",
            "reader",
        ),
    )
    assert run.conclusion == "success"
    files = [line for line in run.jobs["reader"].step("show").log.raw.splitlines() if line.startswith("./")]
    assert files == [
        "./all/results/a.txt",
        "./all/results/sub/b.txt",
        "./all/texts/sub/b.txt",
        "./in/a.txt",
        "./in/sub/b.txt",
    ]


@pytest.mark.parametrize(
    ("manner", "outcome", "level"), [("error", "failure", "error"), ("warn", "success", "warning")]
)
def test_an_artifact_without_files(execute, manner, outcome, level):
    run = execute(
        job(f"[{{uses: actions/upload-artifact@v7, with: {{path: none, if-no-files-found: {manner}}}}}]")
    )
    assert run.jobs["work"].steps[0].outcome == outcome
    assert [note.level for note in run.annotations] == [level]


ACTION = """
name: Greet
description: Says hello
inputs:
  whom: {description: x, default: "${{ github.actor }}"}
  how: {description: x, default: Hello}
outputs:
  text: {value: "${{ steps.say.outputs.text }}"}
runs:
  using: composite
  steps:
    - {uses: actions/setup-python@v5}
    - id: say
      shell: bash
      run: |
        echo "text=$HOW ${{ inputs.whom }} $OUTER" >> "$GITHUB_OUTPUT"
        echo "::notice::said it"
        echo said >> "$GITHUB_STEP_SUMMARY"
        test -f "$GITHUB_ACTION_PATH/action.yml"
        echo "KEPT=changed" >> "$GITHUB_ENV"
      env: {HOW: "${{ inputs.how }}"}
    - {shell: bash, run: 'test "$KEPT" = changed && test -n "${OUTER+set}"'}
    - {shell: bash, run: exit 1, if: inputs.how == 'Fail'}
    - {shell: bash, run: echo, if: failure(), id: mending}
"""


def greeting(execute, inputs: str, **options):
    steps = f"""
    {CHECKOUT.strip()}
    - {{id: greet, uses: ./.github/actions/greet, with: {inputs}, env: {{OUTER: "${{{{ secrets.KEY }}}}"}}}}
    - {{id: show, run: "echo '[${{{{ steps.greet.outputs.text }}}}] [${{{{ steps.say.outputs.text }}}}]'"}}
    """
    return execute(
        job(steps, "env: {KEPT: as it was}"), files={".github/actions/greet/action.yml": ACTION}, **options
    )


def test_an_action_of_the_repository_has_its_own_inputs_steps_and_outputs(execute, repository):
    repository.secrets["KEY"] = "very secret"
    run = greeting(execute, "{how: Good day}")
    assert "[Good day ada very secret] []" in run.log.raw
    step = run.jobs["work"].step("greet")
    assert [inner.outcome for inner in step.steps] == ["success", "success", "success", "skipped", "skipped"]
    assert [note.message for note in run.annotations] == ["said it"]
    assert run.summary == "said\n"
    assert step.secrets == {"KEY"}
    assert run.jobs["work"].step("say").secrets == {"KEY"}


def test_a_secret_that_an_action_is_given_is_seen_where_it_arrives(execute, repository):
    repository.secrets |= {"KEY": "very secret", "NAME": "name of somebody"}
    run = greeting(execute, '{whom: "${{ secrets.NAME }}"}')
    assert run.jobs["work"].step("greet").secrets == {"KEY", "NAME"}
    assert run.jobs["work"].step("say").secrets == {"KEY", "NAME"}
    assert run.jobs["work"].step("show").secrets == {"KEY", "NAME"}


def test_credentials_that_a_checkout_keeps_are_seen_by_every_step_after_it(execute):
    run = execute(job("[{run: echo}, {uses: actions/checkout@v4}, {run: echo}]"))
    assert [step.secrets for step in run.steps] == [set(), {"GITHUB_TOKEN"}, {"GITHUB_TOKEN"}]


def test_an_action_that_fails_mends_itself_and_fails_the_step(execute):
    run = greeting(execute, "{how: Fail, wrong: x}")
    assert run.jobs["work"].step("mending").outcome == "success"
    assert [step.outcome for step in run.jobs["work"].steps] == ["success", "failure", "skipped"]
    assert "Unexpected input(s) 'wrong'" in run.annotations[0].message


def test_an_action_needs_a_checkout_before_it(execute):
    run = execute(
        job("[{uses: ./.github/actions/greet}]"), files={".github/actions/greet/action.yml": ACTION}
    )
    assert run.conclusion == "failure"
    assert "check the repository out" in run.annotations[0].message
