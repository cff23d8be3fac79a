"""Every link that scripts/links.py makes opens what it should on a real hub.

The tests of this file tell one story, in order, on one machine.
"""

import json

import pytest

from student import Student

pytestmark = pytest.mark.sandbox
PASSWORD = "a pass word: 'ü\" %"
ODD = ("week 1/été наука.ipynb", "it's.ipynb")


@pytest.fixture(scope="module")
def classroom_of_its_own(make_deployed):
    """The content changes here, which the shared classroom's tests would notice."""
    return make_deployed("test-links-open")


@pytest.fixture(scope="module")
def hub(classroom_of_its_own):
    return f"http://{classroom_of_its_own[1].address}"


@pytest.fixture(scope="module")
def course(classroom_of_its_own, hub):
    """Deployed, with names that are hard to link to; ada has a password."""
    course, _ = classroom_of_its_own
    for number, name in enumerate(ODD):
        notebook = json.loads((course.root / "content/StartHere.ipynb").read_text())
        notebook["cells"][0] |= {"cell_type": "markdown", "source": f"# Heading {number} of {name}"}
        (course.root / "content" / name).parent.mkdir(exist_ok=True)
        (course.root / "content" / name).write_text(json.dumps(notebook))
    course.override["content"] = {"links": ["data/README.md"]}
    course.deploy()
    Student(hub, "ada", PASSWORD).log_in()
    course.secrets |= {"HUB_URL": hub, "HUB_USER": "Ada", "HUB_PASSWORD": PASSWORD}
    return course


@pytest.fixture(scope="module")
def links(course):
    done = course.run("links.py")
    assert (done.code, done.result["verdict"]) == (0, "written"), done.said
    return {one["path"]: one for one in done.result["links"]}


@pytest.mark.parametrize("interface", ["lab"])
def test_each_link_opens_what_it_should(course, links, interface):
    assert {*ODD, "", "data", "data/README.md", "week 1", "StartHere.ipynb"} <= links.keys()
    done = course.run("links.py", "--verify", "--interface", interface)
    assert (done.code, done.result["verdict"]) == (0, "verified"), done.said
    assert {one["path"]: one["opens"] for one in done.result["links"]} == dict.fromkeys(links, True)
    assert PASSWORD not in done.said + json.dumps(done.result)


def test_a_repository_that_cannot_be_pulled_does_not_open(course):
    done = course.run("links.py", "--verify", "--repository", "https://localhost/nobody/nothing")
    assert done.code == 1 and "nbgitpuller could not pull" in done.said


def test_who_cannot_log_in_follows_no_link(course):
    course.secrets["HUB_PASSWORD"] = "a wrong password"
    done = course.run("links.py", "--verify")
    course.secrets["HUB_PASSWORD"] = PASSWORD
    assert done.code == 1 and "did not let HUB_USER log in" in done.error
