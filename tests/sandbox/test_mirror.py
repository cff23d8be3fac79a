"""The server of the stand-ins: what clients with caches rely on, and that it fails when told to."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from sandbox.mirror import Fault, Mirror, byte_range, real_conda_reachable, real_tljh_reachable

CONTENT = bytes(range(256)) * 40
SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "channel" / "noarch").mkdir(parents=True)
    (tmp_path / "channel" / "noarch" / "file").write_bytes(CONTENT)
    (tmp_path / "channel" / "empty").touch()
    (tmp_path / "secret").write_text("not for you")
    with Mirror(conda={"conda-forge": tmp_path / "channel"}) as mirror:
        yield mirror


@pytest.fixture
def url(mirror) -> str:
    return mirror.conda_url("conda-forge") + "/noarch/file"


def test_etag_follows_the_content(mirror, url, tmp_path):
    first = requests.get(url, timeout=5)
    assert first.content == CONTENT
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=5)
    assert (again.status_code, again.content) == (304, b"")
    (tmp_path / "channel" / "noarch" / "file").write_bytes(CONTENT + b"more")
    changed = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=5)
    assert (changed.status_code, changed.content) == (200, CONTENT + b"more")
    assert [request.status for request in mirror.requests] == [200, 304, 200]


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, 10239),
        ("bytes=-16", 10224, 10239),
        ("bytes=10000-99999", 10000, 10239),
    ],
)
def test_part_of_a_file(url, wanted, first, last):
    answer = requests.get(url, headers={"Range": wanted}, timeout=5)
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_part_of_another_version_is_not_mixed_in(url):
    answer = requests.get(url, headers={"Range": "bytes=0-9", "If-Range": '"another"'}, timeout=5)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("header", ["bytes=20000-", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=1-2,4-5"])
def test_impossible_parts(url, header):
    assert byte_range(header, len(CONTENT)) is None
    assert requests.get(url, headers={"Range": header}, timeout=5).status_code == 416


def test_head_and_empty_files_and_what_is_not_there(mirror, url):
    head = requests.head(url, timeout=5)
    assert (head.content, head.headers["Content-Length"]) == (b"", str(len(CONTENT)))
    assert requests.get(mirror.conda_url("conda-forge") + "/empty", timeout=5).content == b""
    for path in ("/conda/conda-forge/none", "/conda/other/noarch/file", "/tljh/../x/bootstrap.py", "/"):
        assert requests.get(mirror.url + path, timeout=5).status_code == 404


def test_nothing_outside_the_channel_is_served(mirror):
    with socket.create_connection((mirror.address, mirror.port), timeout=5) as connection:
        connection.sendall(
            b"GET /conda/conda-forge/%2e%2e/secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"not for you" not in answer


def test_faults_happen_as_often_as_told(mirror, url):
    mirror.faults += [
        Fault("*/file", status=500),
        Fault("*/file", content=b"wrong"),
        Fault("*/file", cut_after=1000),
        Fault("*/other", status=503),
    ]
    assert requests.get(url, timeout=5).status_code == 500
    assert requests.get(url, timeout=5).content == b"wrong"
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=5)
    assert requests.get(url, timeout=5).content == CONTENT


def test_many_at_once(url):
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: requests.get(url, timeout=20).content, range(200)))
    assert all(answer == CONTENT for answer in answers)


def test_bootstrap_is_told_where_it_comes_from(mirror):
    answer = requests.get(mirror.tljh_bootstrap.format(version="2.0.1"), timeout=5)
    assert f'WHEEL_URL = "{mirror.url}/tljh/{{version}}/the_littlest_jupyterhub-' in answer.text
    assert 'DEFAULT_VERSION = "2.0.1"' in answer.text
    compile(answer.text, "bootstrap.py", "exec")


def test_as_a_process_of_its_own(tmp_path):
    (tmp_path / "file").write_text("hello")
    command = (sys.executable, "-m", "sandbox.mirror", "--conda", f"mine={tmp_path}")
    with subprocess.Popen(command, cwd=SCRIPTS, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip()
            assert requests.get(f"{address}/conda/mine/file", timeout=5).text == "hello"
        finally:
            process.terminate()


def test_reachable_means_answered_with_success(mirror):
    assert real_tljh_reachable(mirror.tljh_bootstrap.format(version="2.0.0"))
    assert not real_tljh_reachable(f"{mirror.url}/nothing")
    assert not real_conda_reachable(mirror.conda_url("conda-forge"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not real_tljh_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/")
