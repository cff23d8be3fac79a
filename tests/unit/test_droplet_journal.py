"""The lines of the journal that matter are told: each thing once, a traceback as one."""

from coursehub.droplet.journal import TOLD, matter

AT = 1_790_000_000.0
TRACE = [
    "Traceback (most recent call last):",
    '  File "/opt/tljh/hub/lib/python3.12/site-packages/traitlets/config/application.py", line 118, in inner',
    "    return method(app, *args)",
    '  File "/opt/tljh/config/jupyterhub_config.d/mine.py", line 3, in <module>',
    "    raise RuntimeError(42)",
    "RuntimeError: 42",
]


def entries(*texts):
    return [(AT + number, text) for number, text in enumerate(texts)]


def test_what_is_well_is_not_told():
    assert matter(entries("[I 2026-11-30 JupyterHub log:192] 200 GET /hub/error (x@::1)", "Started it")) == []


def test_the_same_thing_is_told_once_at_its_last_time_with_how_often():
    told = matter(entries(*(f"[E 2026-11-30 07:00:0{n}.1 JupyterHub app:1] boom {n}" for n in range(5))))
    assert len(told) == 1 and "(5 times)" in told[0] and "boom 4" in told[0]


def test_a_traceback_is_one_thing_with_its_place_and_its_error():
    (told,) = matter(entries(*TRACE, "[I fine]", *TRACE))
    assert "(2 times)" in told and "mine.py" in told and told.endswith("RuntimeError: 42")


def test_a_traceback_that_is_indented_as_a_whole_ends_with_its_error():
    """As JupyterHub writes it."""
    told = matter(entries("[E 1 JupyterHub app:1] Exception", *("    " + line for line in TRACE), "[I fine]"))
    assert "mine.py" in told[1] and told[1].endswith("\nRuntimeError: 42") and "[I fine]" not in str(told)


def test_a_traceback_that_is_cut_off_is_told():
    (told,) = matter(entries(*TRACE[:4]))
    assert "mine.py" in told


def test_the_kernel_that_kills_is_told():
    assert matter(entries("Out of memory: Killed process 42 (python3)", "eth0: link up"))


def test_it_is_bounded():
    words = ["".join(chr(97 + n // 26**k % 26) for k in range(3)) for n in range(300)]
    told = matter(entries(*(f"error {word} " + "x" * 1000 for word in words)))
    assert len(told) == TOLD and max(map(len, told)) < 500
