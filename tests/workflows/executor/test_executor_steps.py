"""Steps: expressions, outputs, environment, files, logs and what they could see."""

import pytest
from executed import job, workflow

from sandbox.github.files import WrongFile, pairs
from sandbox.github.runner import Runner


def test_a_text_that_says_false_is_true(execute):
    run = execute(
        job(
            "[{run: 'echo ready=false >> \"$GITHUB_OUTPUT\"', id: look}]",
            "outputs: {ready: '${{ steps.look.outputs.ready }}'}",
        ),
        job("[{run: echo}]", "needs: work\nif: needs.work.outputs.ready", name="careless"),
        job("[{run: echo}]", "needs: work\nif: needs.work.outputs.ready == 'true'", name="careful"),
    )
    assert {name: job.conclusion for name, job in run.jobs.items()} == {
        "work": "success",
        "careless": "success",
        "careful": "skipped",
    }
    assert run.conclusion == "success"


def test_outputs_environment_and_path_reach_later_steps(execute):
    run = execute(
        job(
            r"""
            - id: one
              run: |
                printf 'text<<END\nfirst = 1\nsecond << 2\n\nEND\nplain=a=b<<c\n' >> "$GITHUB_OUTPUT"
                printf 'KEPT=yes\nLONG<<-\na\nb\n-\n' >> "$GITHUB_ENV"
                mkdir -p "$HOME/tools"
                printf '#!/bin/sh\necho own tool\n' > "$HOME/tools/tool"
                chmod +x "$HOME/tools/tool"
                echo "$HOME/tools" >> "$GITHUB_PATH"
            - id: two
              env: {TEXT: "${{ steps.one.outputs.text }}", PLAIN: "${{ steps.one.outputs.plain }}"}
              run: |
                printf '[%s]' "$TEXT" "$PLAIN" "$KEPT" "$LONG" "${{ env.KEPT }}"
                echo
                tool
            """
        )
    )
    log = run.jobs["work"].step("two").log.raw
    assert "[first = 1\nsecond << 2\n][a=b<<c][yes][a\nb][yes]" in log
    assert "own tool" in log


def test_a_script_with_expressions_keeps_its_lines_as_they_are(execute):
    run = execute(
        job(
            r"""
            - run: |
                cat <<'END'
                it's {one}, isn't it? \n ${{ github.ref_name }}
                  "two"
                END
                echo 'after'
            """
        )
    )
    assert "it's {one}, isn't it? \\n main\n  \"two\"\nafter\n" in run.log.raw


def test_a_delimiter_may_have_an_equals_sign():
    assert pairs("a<<x=y\n1\nx=y\r\nb=c<<d\n") == {"a": "1", "b": "c<<d"}


@pytest.mark.parametrize("text", ["a", "=1", "a<<\n", "a<<END\n1\n"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(WrongFile):
        pairs(text)


def test_a_file_that_github_cannot_read_fails_the_step(execute):
    run = execute(job("[{run: 'echo nonsense >> \"$GITHUB_OUTPUT\"'}, {run: echo, if: always()}]"))
    first, second = run.jobs["work"].steps
    assert (first.outcome, second.outcome) == ("failure", "success")
    assert "invalid format 'nonsense'" in first.annotations[0].message


def test_the_environment_is_what_github_gives_and_nothing_else(execute, monkeypatch, repository):
    monkeypatch.setenv("OF_THE_CALLER", "leaked")
    run = execute(
        job("[{run: env}]", "env: {OF_THE_JOB: '1'}"), head="env: {OF_ALL: '${{ github.ref_name }}'}"
    )
    found = dict(line.split("=", 1) for line in run.log.raw.splitlines() if "=" in line)
    assert "OF_THE_CALLER" not in found
    expected = {
        "OF_THE_JOB": "1",
        "OF_ALL": "main",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "school/course",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_WORKFLOW": "Test",
        "GITHUB_JOB": "work",
        "GITHUB_ACTOR": "ada",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_API_URL": repository.api_url,
        "RUNNER_OS": "Linux",
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["HOME"].startswith(str(run.shared.directory))


def test_the_computer_has_an_environment_that_a_workflow_may_replace(repository, service, tmp_path):
    repository.commit(workflow(job("[{run: 'echo \"$OWN $OTHER [$PATH]\"', env: {OTHER: replaced}}]")))
    environment = {"OWN": "kept", "OTHER": "lost", "PATH": "/opt/tools"}
    with Runner(repository, tmp_path / "other", environment, service=service) as runner:
        (run,) = runner.push()
        log = run.wait(10).log.raw
    assert "kept replaced [/opt/tools:/usr/local/sbin:" in log
    assert not list((tmp_path / "other" / "machines").iterdir())  # the computer is thrown away


@pytest.mark.parametrize(
    ("shell", "outcome"),
    [("bash", "failure"), (None, "success"), ("sh", "success"), ("bash -u {0}", "success")],
)
def test_only_a_named_bash_minds_failures_in_pipes(execute, shell, outcome):
    run = execute(job(f"[{{run: 'false | true'{f', shell: {chr(39)}{shell}{chr(39)}' if shell else ''}}}]"))
    assert run.jobs["work"].steps[0].outcome == outcome


def test_a_failure_that_may_be_is_no_failure(execute):
    run = execute(
        job(
            """
            - {id: one, run: exit 3, continue-on-error: true}
            - {run: "echo ${{ steps.one.outcome }} ${{ steps.one.conclusion }}"}
            """
        )
    )
    assert "failure success" in run.log.raw
    assert run.conclusion == "success"
    assert run.annotations[0].message == "Process completed with exit code 3."


def test_after_a_failure_only_what_says_so_runs(execute):
    run = execute(
        job(
            """
            - {id: wrong, run: exit 1}
            - {id: next, run: echo}
            - {id: mending, run: echo, if: failure()}
            - {id: other, run: echo, if: failure() && github.ref == 'x'}
            - {id: last, run: echo, if: always()}
            """
        )
    )
    outcomes = {step.id: step.outcome for step in run.jobs["work"].steps}
    assert outcomes == {
        "wrong": "failure",
        "next": "skipped",
        "mending": "success",
        "other": "skipped",
        "last": "success",
    }
    assert run.conclusion == "failure"


def test_annotations_have_their_place_and_only_ten_of_a_level_are_shown(execute):
    run = execute(
        job(
            """
            - run: |
                echo '::error file=course.yml,line=3,endLine=4,col=5,title=A%2C b::100%25 wrong%0Atwo lines'
                echo '::notice::hello' >&2
                for n in $(seq 12); do echo "::warning::$n"; done
                echo '::stop-commands::pause'
                echo '::error::not a command'
                echo '::pause::'
                echo '::debug::quiet'
            """
        )
    )
    error, notice, *warnings = run.annotations
    assert (error.file, error.line, error.end_line, error.column) == ("course.yml", 3, 4, 5)
    assert (error.title, error.message) == ("A, b", "100% wrong\ntwo lines")
    assert (notice.level, notice.message) == ("notice", "hello")
    assert [warning.shown for warning in warnings] == [True] * 10 + [False] * 2


def test_a_command_that_the_runner_does_not_know_fails_the_step(execute):
    run = execute(job("[{run: 'echo ::set-output name=x::y'}]"))
    assert "set-output" in run.annotations[0].message
    assert run.conclusion == "failure"


def test_summaries_come_one_after_the_other_without_secrets(execute, repository):
    repository.secrets["KEY"] = "very secret"
    run = execute(
        job(
            """
            - run: echo "# One" >> "$GITHUB_STEP_SUMMARY"
            - run: echo "has $KEY" >> "$GITHUB_STEP_SUMMARY"
              env: {KEY: "${{ secrets.KEY }}"}
            - run: head --bytes 1100000 /dev/zero | tr '\\\\0' x >> "$GITHUB_STEP_SUMMARY"
            """
        )
    )
    assert run.summary == "# One\nhas ***\n"
    assert "1024k" in run.annotations[0].message
    assert run.conclusion == "success"


def test_no_line_of_a_secret_is_shown(execute, repository):
    repository.secrets["KEY"] = "first line\n\nsecond % line\n"
    run = execute(
        job(
            """
            - run: |
                echo "$KEY"
                echo "only second % line here"
                echo "::add-mask::found later"
                echo "it was found later"
                echo "::error::has first line"
              env: {KEY: "${{ secrets.KEY }}"}
            - {run: "echo token is ${{ github.token }}"}
            """
        )
    )
    assert "first line" in run.log.raw and "token-1-of-a-job" in run.log.raw
    for text in ("first line", "second % line", "found later", "token-1-of-a-job"):
        assert text not in run.log.masked
    assert "only *** here" in run.log.masked
    assert run.annotations[0].message == "has ***"


def test_an_output_with_a_secret_in_it_is_not_passed_on(execute, repository):
    repository.secrets["KEY"] = "very secret"
    run = execute(
        job(
            '[{id: one, run: \'echo "key=${{ secrets.KEY }}!" >> "$GITHUB_OUTPUT"\'}]',
            "outputs: {key: '${{ steps.one.outputs.key }}', other: fine}",
        )
    )
    assert run.jobs["work"].outputs == {"other": "fine"}
    assert "'key'" in run.annotations[0].message


def test_which_step_could_see_which_secret(execute, repository):
    repository.secrets |= {"ONE": "value of one", "TWO": "value of two", "THREE": "value of three"}
    run = execute(
        job(
            """
            - {id: none, run: echo}
            - {id: env, run: echo, env: {X: "${{ secrets.one }}"}}
            - {id: choice, run: echo, env: {X: "${{ secrets.TWO && 'yes' }}"}}
            - {id: script, run: 'echo ${{ secrets.TWO }}'}
            - {id: all, run: echo, env: {X: "${{ toJSON(secrets) }}"}}
            - {id: token, run: echo, env: {X: "${{ github.token }}"}}
            - {id: skipped, run: echo, if: false, env: {X: "${{ secrets.ONE }}"}}
            - {id: writer, run: 'echo "COPY=x$X" >> "$GITHUB_ENV"', env: {X: "${{ secrets.THREE }}"}}
            - {id: after, run: echo}
            """
        )
    )
    assert {step.id: step.secrets for step in run.jobs["work"].steps} == {
        "none": set(),
        "env": {"ONE"},
        "choice": {"TWO"},
        "script": {"TWO"},
        "all": {"ONE", "TWO", "THREE", "GITHUB_TOKEN"},
        "token": {"GITHUB_TOKEN"},
        "skipped": set(),
        "writer": {"THREE"},
        "after": {"THREE"},
    }


def test_a_secret_of_the_job_is_seen_by_each_of_its_steps(execute, repository):
    repository.secrets["ONE"] = "value of one"
    run = execute(job("[{run: echo}]", "env: {X: '${{ secrets.ONE }}'}"))
    assert run.jobs["work"].steps[0].secrets == {"ONE"}


def test_a_step_that_takes_too_long_is_ended(execute):
    run = execute(
        job(
            """
            - {id: slow, run: exec sleep 30, timeout-minutes: 1}
            - {id: after, run: echo, if: always()}
            """
        )
    )
    assert [step.outcome for step in run.jobs["work"].steps] == ["failure", "success"]
    assert "timed out after 1 minutes" in run.annotations[0].message
    assert run.conclusion == "failure"


def test_hashes_of_files_change_with_the_files(execute):
    run = execute(
        job(
            """
            - {uses: actions/checkout@v4}
            - {run: "echo [${{ hashFiles('*.txt') }}] [${{ hashFiles('none') }}]"}
            - {run: echo more >> a.txt}
            - {run: "echo [${{ hashFiles('*.txt') }}] [${{ hashFiles('**', '!*.txt', '!.git*') }}]"}
            """
        ),
        files={"a.txt": "a"},
    )
    (first, nothing), (second, none) = (
        line.replace("]", "").split("[")[1:] for line in run.log.raw.splitlines() if line.startswith("[")
    )
    assert len(first.strip()) == len(second.strip()) == 64 and first != second
    assert nothing == none == ""


def test_an_expression_that_cannot_be_evaluated_fails_its_step(execute):
    run = execute(job("[{run: 'echo ${{ fromJSON(github.ref) }}'}]"))
    assert run.conclusion == "failure"
    assert "fromJSON(github.ref)" in run.annotations[0].message


def test_the_working_directory_must_be_there(execute):
    run = execute(
        job("[{run: pwd, working-directory: sub}]", "defaults: {run: {working-directory: none}}"),
        job(
            "[{run: mkdir sub, working-directory: .}, {run: pwd}]",
            "defaults: {run: {working-directory: sub}}",
            "other",
        ),
    )
    assert run.jobs["work"].conclusion == "failure"
    assert run.jobs["other"].conclusion == "success"
