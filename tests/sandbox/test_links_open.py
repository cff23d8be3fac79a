"""Every link that scripts/links.py makes opens what it should, on a real hub and in a real browser.

The tests of this file tell one story, in order, on one machine.
"""

import json
from pathlib import Path

import pytest

import pull_cases
from chromium import browser
from course_folder import NOTEBOOK
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


@pytest.mark.parametrize("interface", ["lab", "notebook"])
def test_each_link_opens_what_it_should(course, links, interface):
    assert {*ODD, "", "data", "data/README.md", "week 1", "StartHere.ipynb"} <= links.keys()
    done = course.run("links.py", "--verify", "--interface", interface)
    assert (done.code, done.result["verdict"]) == (0, "verified"), done.said
    assert {one["path"]: one["opens"] for one in done.result["links"]} == dict.fromkeys(links, True)
    assert PASSWORD not in done.said + json.dumps(done.result)


def test_a_link_to_what_is_not_deployed_does_not_open(course):
    new = course.root / "content/new.ipynb"
    new.write_bytes((course.root / "content/StartHere.ipynb").read_bytes())
    done = course.run("links.py", "--verify")
    new.unlink()
    assert (done.code, done.result["verdict"]) == (1, "failed")
    assert "1 of " in done.error and "the server has no my-course/new.ipynb" in done.said
    assert [one["path"] for one in done.result["links"] if not one["opens"]] == ["new.ipynb"]


def test_a_repository_that_cannot_be_pulled_does_not_open(course):
    done = course.run("links.py", "--verify", "--repository", "https://localhost/nobody/nothing")
    assert done.code == 1 and "nbgitpuller could not pull" in done.said


def test_who_cannot_log_in_follows_no_link(course):
    course.secrets["HUB_PASSWORD"] = "a wrong password"
    done = course.run("links.py", "--verify")
    course.secrets["HUB_PASSWORD"] = PASSWORD
    assert done.code == 1 and "did not let HUB_USER log in" in done.error


def as_ada(box, *command):
    """Run something as the student's server does, with the course's environment."""
    settings = ("HOME=/home/jupyter-ada", "GIT_CONFIG_SYSTEM=/etc/gitconfig", "PYTHONDONTWRITEBYTECODE=1")
    words = ["runuser", "-u", "jupyter-ada", "--", "env", *settings, *command]
    done = box.run(words, timeout=600, check=False)
    assert done.stdout, done.stderr
    return done.stdout.decode()


def test_a_broken_copy_heals_and_a_full_disk_locks_nobody_out(classroom_of_its_own, course, hub):
    """Through the link and the student's own server, which is not restarted."""
    box = classroom_of_its_own[1]
    link = course.deploy().result["link"]
    ada = Student(hub, "ada", PASSWORD).log_in()
    ada.follow(link)
    copy = "/home/jupyter-ada/my-course"
    notebook = ada.read("my-course/StartHere.ipynb")
    notebook["cells"].append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": "by ada"})
    ada.write("my-course/StartHere.ipynb", notebook)
    box.run(
        ["sh", "-c", f"cd {copy}/.git && touch index.lock && find objects -type f -exec truncate -s0 {{}} +"]
    )
    changed = json.loads((course.root / "content/StartHere.ipynb").read_text())
    changed["cells"][0]["source"] = "# By the teacher"
    (course.root / "content/StartHere.ipynb").write_text(json.dumps(changed))
    (course.root / "content/Later.ipynb").write_text(NOTEBOOK)
    course.deploy()
    assert "Its repository was damaged" in ada.follow(link)
    cells = [cell["source"] for cell in ada.read("my-course/StartHere.ipynb")["cells"]]
    assert (cells[0], cells[-1]) == ("# By the teacher", "by ada")
    assert ada.read("my-course/Later.ipynb")["cells"] == json.loads(NOTEBOOK)["cells"]

    # A disk as small as the course, with the copy on it.
    small = "tmp=$(mktemp -d) && mv $0 $tmp/kept && mkdir $0 && mount -t tmpfs -o size=4m,mode=777 tmpfs $0"
    box.run(["sh", "-ec", f"{small} && cp -a $tmp/kept/. $0", copy])
    box.run(["sh", "-c", f"cat /dev/zero > {copy}/large; true"])
    (course.root / "content/Later.ipynb").write_text(
        json.dumps({**json.loads(NOTEBOOK), "metadata": {"a": 1}})
    )
    course.deploy()
    assert "the disk is full" in ada.follow(link)
    assert ada.read("my-course/Later.ipynb")["metadata"] != {"a": 1}
    box.run(["rm", f"{copy}/large"])
    ada.follow(link)
    assert ada.read("my-course/Later.ipynb")["metadata"] == {"a": 1}
    assert ada.read("my-course/StartHere.ipynb")["cells"][-1]["source"] == "by ada"
    box.run(["umount", copy])


def test_what_a_student_deleted_comes_again_with_its_own_link_only(course, hub):
    links = {one["path"]: one["url"] for one in course.run("links.py").result["links"]}
    ada = Student(hub, "ada", PASSWORD).log_in()
    ada.follow(links["StartHere.ipynb"])
    ada.api("DELETE", "contents/my-course/StartHere.ipynb")
    ada.follow(links["Later.ipynb"])
    with pytest.raises(AssertionError, match="404"):
        ada.read("my-course/StartHere.ipynb")
    ada.follow(links["StartHere.ipynb"])
    assert ada.read("my-course/StartHere.ipynb")["cells"][0]["source"] == "# By the teacher"


def test_every_damage_heals_with_the_nbgitpuller_that_is_there(classroom_of_its_own, course):
    """The cases of tests/unit/test_pulling.py, on the real system, by somebody who is not root."""
    box = classroom_of_its_own[1]
    box.run(["tee", "/tmp/pull_cases.py"], input=Path(pull_cases.__file__).read_bytes())
    python = "/opt/course/envs/current/bin/python"
    said = as_ada(box, python, "/tmp/pull_cases.py", "/home/jupyter-ada/cases", "/opt/course/jupyter")
    box.run(["rm", "-rf", "/home/jupyter-ada/cases"])
    done = json.loads(said)
    assert done == {"cases": len(pull_cases.CASES), "failed": {}}


@pytest.mark.parametrize(("interface", "name"), [("lab", "StartHere.ipynb"), ("notebook", ODD[0])])
def test_a_browser_shows_the_notebook(course, interface, name):
    """From the click on the link, by somebody who is not logged in, to the notebook's first heading."""
    done = course.run("links.py", "--interface", interface)
    link = next(one for one in done.result["links"] if one["path"] == name)
    with browser() as tab:
        tab.open(link["url"])
        tab.wait_for("document.querySelector('input[name=password]')?.form != null")
        tab.run(
            f"document.querySelector('input[name=username]').value = 'ada';"
            f"document.querySelector('input[name=password]').value = {json.dumps(PASSWORD)};"
            "document.querySelector('input[name=password]').form.requestSubmit(); 0"
        )
        shown = "[...document.querySelectorAll('.jp-RenderedMarkdown h1')].map(e => e.innerText).join()"
        tab.wait_for(f"({shown}).includes({json.dumps(link['title'])})", 180)
        where = tab.run("document.querySelector('.jp-RenderedMarkdown h1').getBoundingClientRect().height")
        assert where > 0
