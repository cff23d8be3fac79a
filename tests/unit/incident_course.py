"""A course whose hub is checked again and again, with its repository on the sandbox's GitHub."""

from coursehub.github import rest
from coursehub.status.incidents import bring
from coursehub.status.model import Check

ENVIRON = {"GITHUB_RUN_ID": "77"}
DOWN = {"title": "The hub is down: nobody answers", "cause": "the droplet is off", "fix": "run Deploy"}


class Course:
    """A course with its repository, whose checks follow each other."""

    def __init__(self, github, permissions):
        self.github = github
        token = github.token(permissions)
        self.repository = rest.Repository(github.full_name, token, github.api_url, sleep=lambda _: None)
        self.health = {"name": "Waves", "assignees": [], "timezone": "Europe/Berlin"}
        self.environ = ENVIRON
        self.incidents, self.troubles = (), ()
        self.now, self.last, self.since = 1_800_000_000.0, "", None

    def check(self, state, keep=True, **details):
        """One check; with `keep` False, writing down what came of it fails."""
        self.now += 900
        details = {**(DOWN if state == "down" else {}), **details}
        done = bring(
            *(self.repository, self.incidents, Check(self.now, state, **details), self.health, self.environ),
            *(self.now, self.last, self.since),
        )
        self.troubles = done.troubles
        if keep:
            self.incidents = done.incidents
        if state != "unknown":
            self.since = self.since if state == self.last else self.now
            self.last = state
        return done

    @property
    def issues(self):
        return list(self.github.issues.values())

    def comments(self, number=1):
        return [comment.body for comment in self.github.comments_of(number)]
