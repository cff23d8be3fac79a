"""What a person sees of a plan with many changes."""

import pytest

from coursehub.job_summary import summary
from coursehub.model import Step
from coursehub.outcome import Outcome
from coursehub.problems import Failure
from coursehub.report import SHOWN, Terminal, shortened

COSTS = "12 packages to download, 84 MB; needs about 400 MB of disk, 21 GB free"


def planned(details):
    step = Step("environment", "Install the environment abc", "environment.install", {}, tuple(details))
    return Outcome("planned", "198.51.100.7", "http://x", "http://x/link", "", 1.0, 1, planned=(step,))


def test_the_summary_shows_what_a_change_of_environment_means():
    text = summary(planned([COSTS, "~ numpy 2.0 → 2.1"]))
    assert f"  - {COSTS}\n  - `~ numpy 2.0 → 2.1`\n" in text
    assert "<details>" not in text


def test_many_changes_are_all_in_the_summary_and_counted_in_a_terminal():
    details = tuple(f"+ package-{number} 1" for number in range(SHOWN + 7))
    text = summary(planned(details))
    assert all(line in text for line in details)
    assert "<summary>7 more</summary>" in text and text.count("</details>") == 1
    assert shortened(details) == [*details[:SHOWN], "… and 7 more"]
    assert shortened(details[:SHOWN]) == list(details[:SHOWN])


@pytest.mark.parametrize("in_actions", ["true", ""])
def test_what_a_server_says_is_no_command_to_github(monkeypatch, capsys, in_actions):
    monkeypatch.setenv("GITHUB_ACTIONS", in_actions)
    terminal = Terminal()
    terminal.note("::add-mask::e")
    terminal.problem(Failure("no", "try", "numpy::x [bold]\n  ::stop-commands::x\n a ##[add-mask]e\n"))
    terminal.listed("1.", Step("content", "Copy", "content.publish", {}, ("::warning::x",)))
    lines = capsys.readouterr().err.splitlines()
    assert any("numpy::x [bold]" in line for line in lines)
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    assert len(commands) == (0 if in_actions else 4)
