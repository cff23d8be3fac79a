"""GitHub's REST API over a real connection: what is asked again, what is not, and what a person is told."""

from dataclasses import replace
from email.message import Message

import pytest
from small_github import NAME, TOKEN, small_github

from coursehub.github.rest import ATTEMPTS, Refused, Repository, next_page, pause_before_next
from coursehub.problems import Failure

WANT, PERMISSION = "read the issues", "issues: write"
BUSY = (503, {"message": "Unavailable"}, {})
FINE = (200, [{"number": 1}], {})


@pytest.fixture
def github():
    with small_github() as server:
        yield server


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def repository(github, pauses):
    return replace(Repository.from_environment(github.environ), sleep=pauses.append)


def issues(repository):
    return list(repository.pages("issues", WANT, PERMISSION, state="all"))


def test_a_request_says_who_and_what(github, repository):
    github.answers = [FINE]
    assert issues(repository) == [{"number": 1}]
    assert github.asked == [("GET", f"/repos/{NAME}/issues?per_page=100&state=all", None)]
    sent = github.headers[0]
    assert sent["Authorization"] == f"Bearer {TOKEN}" and sent["User-Agent"] == "coursehub"
    assert sent["Accept"] == "application/vnd.github+json" and sent["X-GitHub-Api-Version"] == "2022-11-28"
    assert TOKEN not in repr(repository)


def test_a_list_is_read_to_its_end(github, repository):
    link = f'<{github.address}/repositories/7/issues?page=2>; rel="next", <{github.address}/x>; rel="last"'
    github.answers = [(200, [1, 2], {"Link": link}), (200, [3], {"Link": '<x>; rel="first"'})]
    assert issues(repository) == [1, 2, 3]
    assert github.asked[1][1] == "/repositories/7/issues?page=2"


def test_the_token_goes_to_no_other_host(github, repository):
    github.answers = [(200, [1], {"Link": '<http://127.0.0.1:9/issues>; rel="next"'})]
    assert issues(repository) == [1]
    github.answers = [(302, {"message": "there"}, {"Location": "http://127.0.0.1:9/issues"})]
    with pytest.raises(Refused, match="302"):
        issues(repository)


def test_a_renamed_repository_is_followed(github, repository):
    github.answers = [(301, {}, {"Location": f"{github.address}/repositories/7/issues"}), FINE]
    assert issues(repository) == [{"number": 1}]


@pytest.mark.parametrize("trouble", [BUSY, (500, "<html>", {}), (429, {"message": "slow down"}, {}), None])
def test_reading_is_tried_again(github, repository, pauses, trouble):
    github.answers = [trouble, trouble, FINE]
    assert issues(repository) == [{"number": 1}]
    assert pauses == [1.0, 2.0]


def test_the_pause_is_the_one_that_github_asks_for(github, repository, pauses):
    github.answers = [(429, {"message": "slow down"}, {"Retry-After": "7"}), FINE]
    issues(repository)
    assert pauses == [7.0]


def test_trying_ends_and_says_what_was_seen_last(github, repository, pauses):
    github.answers = [BUSY] * ATTEMPTS
    with pytest.raises(Refused, match="could not read the issues: GitHub answered 503: Unavailable") as told:
        issues(repository)
    assert told.value.status == 503 and "githubstatus" in told.value.fix
    assert len(github.asked) == ATTEMPTS and len(pauses) == ATTEMPTS - 1


def test_nobody_waits_for_an_hour(github, repository, pauses):
    github.answers = [(403, {"message": "API rate limit exceeded"}, {"Retry-After": "3600"})]
    with pytest.raises(Refused, match="rate limit") as told:
        issues(repository)
    assert pauses == [] and "in an hour" in told.value.fix


@pytest.mark.parametrize("trouble", [BUSY, None])
def test_writing_is_never_repeated_when_it_may_have_been_done(github, repository, trouble):
    github.answers = [trouble, (201, {}, {})]
    with pytest.raises(Refused):
        repository.write("POST", "issues", {"title": "A"}, "write an issue", PERMISSION)
    assert len(github.asked) == 1


def test_writing_is_repeated_when_github_says_that_it_was_not_done(github, repository, pauses):
    github.answers = [(403, {"message": "secondary rate limit"}, {"Retry-After": "2"}), (201, {"id": 5}, {})]
    assert repository.write("POST", "issues", {"title": "A"}, "write an issue") == {"id": 5}
    assert [value for _, _, value in github.asked] == [{"title": "A"}] * 2 and pauses == [2.0]


def test_nothing_to_be_found_is_no_failure(github, repository):
    github.answers = [(404, {"message": "Not Found"}, {})] * 2
    assert repository.read("git/ref/heads/x", "read the branch") is None
    assert repository.text("contents/hub.json", "read the file", ref="x") is None
    assert github.headers[1]["Accept"] == "application/vnd.github.raw+json"


@pytest.mark.parametrize(
    ("status", "message", "fix"),
    [
        (401, "Bad credentials", "GITHUB_TOKEN: ${{ github.token }}"),
        (403, "Resource not accessible by integration", "permission `issues: write`"),
        (404, "Not Found", "permission `issues: write`"),
        (410, "Issues has been disabled in this repository.", "Settings → General → Features → Issues"),
        (422, "Validation Failed", "run the workflow again"),
    ],
)
def test_a_refusal_says_what_to_do(github, repository, status, message, fix):
    github.answers = [(status, {"message": message}, {})]
    with pytest.raises(Refused) as told:
        issues(repository)
    assert told.value.message == f"could not read the issues: GitHub answered {status}: {message}"
    assert fix in told.value.fix and len(github.asked) == 1
    assert TOKEN not in str(told.value)


def test_a_page_that_is_no_json_is_not_taken_for_an_answer(github, repository):
    github.answers = [(200, "<html>log in to the network</html>", {})]
    with pytest.raises(Refused, match="not JSON: <html>log in"):
        issues(repository)


def test_nobody_there(repository):
    alone = replace(repository, api="http://127.0.0.1:9")
    with pytest.raises(Refused, match="GitHub did not answer: ") as told:
        alone.read("issues", WANT)
    assert told.value.status == 0


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_an_environment_that_lacks_something(github, name):
    with pytest.raises(Failure, match=f"no {name} in"):
        Repository.from_environment({**github.environ, name: ""})


def test_addresses_have_defaults_and_others_than_the_webs_are_refused(github):
    environ = {**github.environ, "GITHUB_API_URL": "", "GITHUB_SERVER_URL": "https://git.school.edu/"}
    repository = Repository.from_environment(environ)
    assert repository.api == "https://api.github.com"
    assert repository.page == f"https://git.school.edu/{NAME}"
    with pytest.raises(Failure, match="GITHUB_API_URL"):
        Repository.from_environment({**environ, "GITHUB_API_URL": "file:///etc"})


def test_the_end_of_a_limit_is_waited_for():
    headers = Message()
    headers["x-ratelimit-remaining"], headers["x-ratelimit-reset"] = "0", "1000"
    assert pause_before_next("POST", 403, headers, 1, 990.0) == 10.0
    assert pause_before_next("GET", 403, headers, 1, 1001.0) == 0.0
    assert pause_before_next("GET", 403, Message(), 1, 990.0) is None
    assert next_page("") == ""
