"""The lines and files that GitHub Actions reads, taken apart as its runner does."""

import pytest

from coursehub.github import workflow_commands as commands

ODD = "50% of\r\n::error::lines: a, b\n☃"


def read_annotation(line):
    """(command, properties, message) of a line, by the rules of actions/runner (ActionCommand.cs)."""
    assert "\n" not in line and "\r" not in line and line.startswith("::")
    head, _, message = line[2:].partition("::")
    command, _, properties = head.partition(" ")
    pairs = [pair.partition("=") for pair in properties.split(",") if pair]

    def plain(text, marks):
        for mark, sign in [*marks, ("%25", "%")]:
            text = text.replace(mark, sign)
        return text

    ends = (("%0D", "\r"), ("%0A", "\n"))
    values = {name: plain(value, [*ends, ("%3A", ":"), ("%2C", ",")]) for name, _, value in pairs}
    return command, values, plain(message, ends)


def read_outputs(text):
    """{name: value} of a GITHUB_OUTPUT file, by the runner's rules."""
    lines, found = text.split("\n"), {}
    while lines and lines[0]:
        name, _, end = lines.pop(0).partition("<<")
        stop = lines.index(end)
        found[name] = "\n".join(lines[:stop])
        lines = lines[stop + 1 :]
    return found


@pytest.mark.parametrize("make", [commands.error, commands.warning, commands.notice])
def test_odd_text_arrives_as_it_was(make):
    line = make(ODD, file="content/a, b: 1%.ipynb", line=3, title=ODD)
    assert read_annotation(line) == (
        make.__name__,
        {"file": "content/a, b: 1%.ipynb", "line": "3", "title": ODD},
        ODD,
    )


def test_what_is_not_known_is_left_out():
    assert commands.error("no") == "::error::no"
    assert commands.notice("no", title="T") == "::notice title=T::no"


def test_annotations_are_for_actions_only(capsys):
    commands.say(["::notice::a"], {"GITHUB_ACTIONS": ""})
    commands.say(["::notice::b \udcff"], {"GITHUB_ACTIONS": "true"})
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "::notice::b \\udcff\n")


def test_outputs_are_added_and_cannot_pretend_to_be_others(tmp_path):
    file = tmp_path / "output"
    environ = {"GITHUB_OUTPUT": str(file)}
    commands.set_outputs({"first": "1"}, environ)
    commands.set_outputs({"verdict": "failed\nend\nready<<end\ntrue\nend", "empty": ""}, environ)
    assert read_outputs(file.read_text()) == {
        "first": "1",
        "verdict": "failed\nend\nready<<end\ntrue\nend",
        "empty": "",
    }
    ends = [line.partition("<<")[2] for line in file.read_text().splitlines() if "<<end-" in line]
    assert len(set(ends)) == 3


def test_without_files_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands.set_outputs({"a": "b"}, {"GITHUB_OUTPUT": ""})
    commands.add_summary("### A", {})
    assert not list(tmp_path.iterdir())


def test_a_summary_is_cut_to_what_github_shows(tmp_path):
    file = tmp_path / "summary"
    commands.add_summary("### Head\n" + "- ☃☃☃☃☃☃☃☃\n" * 60_000, {"GITHUB_STEP_SUMMARY": str(file)})
    text = file.read_text()
    assert text.startswith("### Head\n- ☃") and text.endswith(commands.CUT)
    assert 900_000 < file.stat().st_size <= commands.SUMMARY_LIMIT < 2**20


@pytest.mark.parametrize("characters", [150, 151, 177, 300])
@pytest.mark.parametrize("text", ["x" * 1000, "ä☃\n" * 1000, "```\n" + "é\n" * 900 + "```\n"])
def test_a_cut_keeps_both_limits_and_closes_what_is_open(text, characters):
    shorter = commands.cut(text, characters, 400, "\n**cut**\n")
    assert len(shorter) <= characters and len(shorter.encode()) <= 400
    assert shorter.endswith("**cut**\n") and shorter.count("```") % 2 == 0
    assert text.startswith(shorter[:20])


def test_a_cut_closes_a_fence_that_holds_another_and_what_is_folded():
    text = "<details>\n\n````\n```\nx\n" + "y\n" * 900
    shorter = commands.cut(text, 300, 300, "\nend")
    assert shorter.endswith("y\n````\n\n</details>\nend")
    assert commands.cut("short ```", 9, 9, "\nend") == "short ```"
