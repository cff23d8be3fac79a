"""The hub's configuration files: put in place whole, tried, and taken back if the hub does not come up."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from coursehub.droplet import certificate, provider, roster
from coursehub.droplet.hub import journal, problem_for_students
from coursehub.droplet.system import (
    STATE,
    OperationFailed,
    read_json,
    read_text,
    run,
    wait_for,
    write_atomically,
)

GOOD = STATE / "last-good.json"
APPLIED = STATE / "configuration.json"
PATIENCE = 60.0
"""Seconds for the hub to come up; on a small busy machine it takes 20."""
CRASHES = 3


def look(paths, hidden=(), host=None, issuer=None, keys=None):
    """What is here: each file's present text (of `hidden` ones the digest), the digest of what the hub was
    last seen healthy with, whether the hub answers now (`problem` is None when it does), and for `host`, if
    one is given, its addresses as seen from here and the certificate that is served; and what the `issuer`
    that people are to sign in at says of itself; or what is wrong with the `keys` of a learning platform, an
    address.
    """
    return {
        "files": {path: content(path, path in hidden) for path in paths},
        "applied": (read_json(APPLIED) or {}).get("digest"),
        "problem": problem_for_students(),
        "refusal": certificate.refusal(),
        "served": certificate.served(host) if host else None,
        "resolved": resolved(host) if host else [],
        "addresses": own_addresses() if host else [],
        "provider": provider.discovered(issuer) if issuer else None,
        "keys": provider.problem_with_keys(keys) if keys else None,
    }


def own_addresses():
    """The addresses of this machine's interfaces, the loopback's left out."""
    return run(["hostname", "--all-ip-addresses"], timeout=10, check=False).stdout.split()


def content(path, hidden):
    """A file's text, or the digest of what only root may know; None when there is no such file."""
    text = read_text(path)
    return digest_of(text) if hidden and text is not None else text


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def resolved(host):
    """The addresses of a name as this machine sees them, its own entries of /etc/hosts left out."""
    found = run(["getent", "ahosts", host], timeout=20, check=False).stdout.splitlines()
    addresses = dict.fromkeys(line.split()[0] for line in found if line.strip())
    return [address for address in addresses if not address.startswith(("127.", "::1"))]


def digest(files):
    """One name for a set of files: {path: {"text" or "digest", "mode"}}."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def apply(
    files,
    reload,
    progress,
    host=None,
    ca=None,
    fallback=None,
    private_key=None,
    client=None,
    trial=None,
    people=None,
):
    """Write `files`, restart what `reload` names ("hub" or "proxy"), and wait until the hub is healthy and,
    after a restart of the proxy, `host` has its certificate. With "roster", the hub goes on running and is
    told of the people, in the "file" that `people` names. `private_key` and `client` are texts of files that
    come with a digest only; a `trial` of the client at its provider comes before anything is changed.

    If that is not so in time, what was last healthy is put back, and OperationFailed carries the journal's
    last lines or the authority's words. With `fallback` (further files), a certificate that is not to be had
    is no failure: they are used instead, and the answer says why. The marker is written last, so an
    interrupted run is known by its absence.
    """
    if trial:
        provider.require_known_client(trial, json.loads(client))
    texts = {digest_of(text): text for text in (private_key, client) if text}
    APPLIED.unlink(missing_ok=True)
    if not GOOD.exists():
        keep(files)
    try:
        if reload != "roster" or not told(files, people, progress):
            come_up(files, "hub" if reload == "roster" else reload, host, ca, texts, progress)
    except certificate.NoCertificate as refused:
        if fallback is None:
            take_back(files, refused, progress)
        progress("there is no certificate: going on without")
        reason = refused.message
        certificate.remember_refusal(host, ca, reason)
        files = fallback
        come_up(files, "proxy", None, None, texts, progress)
    except OperationFailed as failure:
        take_back(files, failure, progress)
    else:
        reason = None
    keep(files)
    mark(files)
    return {"refused": reason}


def told(files, people, progress):
    """Put the files in place and let the hub that runs know of the roster; whether that did it. If not, the
    hub learns it by starting, which takes longer."""
    file, others = people["file"], people["others"]
    before = roster.present(file)
    put(files)
    problem = roster.settle(before, files[file]["text"], others) or problem_for_students()
    if problem:
        progress(f"the hub that runs did not take the roster ({problem})")
    return not problem


def come_up(files, reload, host, ca, texts, progress):
    """Put the files in place and wait for the hub. Raises OperationFailed, or NoCertificate."""
    started = time.time()
    put(files, texts)
    progress("restarting the hub")
    if host and reload == "proxy":
        restart_proxy_alone()
        certificate.wait_for_certificate(host, ca, started, progress)
        reload = "hub"
    problem = restart(reload)
    if problem:
        raise OperationFailed(
            f"the hub did not come up with the new configuration ({problem})",
            "correct course.yml or jupyterhub_config.py: the hub's own words are below",
            journal("jupyterhub", started) or journal("traefik", started),
        )


def take_back(files, failure, progress):
    """Put the last good configuration back in place of `files`, and raise the failure."""
    progress("putting the last good configuration back")
    good = read_json(GOOD) or {}
    put({path: good.get(path, {"text": None}) for path in files})
    restored = restart("proxy")
    if not restored:
        mark({path: good[path] for path in files if path in good})
    outcome = restored or "the last good configuration is back and the hub answers"
    raise OperationFailed(f"{failure.message}; {outcome}", failure.fix, failure.detail) from None


def mark(files):
    """Record that the hub was seen healthy with `files`."""
    named = {path: without_secret(file) for path, file in files.items()}
    write_atomically(APPLIED, json.dumps({"digest": digest(named), "at": time.time()}))


def without_secret(file):
    """A file as the workflow names it: by its digest, where its text is secret."""
    return {key: value for key, value in file.items() if key != "text" or "digest" not in file}


def keep(files):
    """Save the present state of `files` as the one to come back to; absent files are recorded as such."""
    present = {}
    for path, wanted in files.items():
        present[path] = {**wanted, "text": read_text(path)}
    write_atomically(GOOD, json.dumps(present), 0o600)


def put(files, texts=None):
    """Write each file atomically, or remove it where its text is None. Where only a digest is given, the text
    is among `texts`; if it is not, the file is as it should be."""
    for path, wanted in files.items():
        if "text" not in wanted and wanted["digest"] not in (texts or {}):
            continue
        text = wanted["text"] if "text" in wanted else texts[wanted["digest"]]
        if text is None:
            Path(path).unlink(missing_ok=True)
        else:
            write_atomically(path, text, wanted["mode"])


def restart_proxy_alone():
    """Restart the proxy and leave the hub down: traefik asks an authority that refused once more whenever
    its routes change, and the hub changes them when it starts."""
    run(["systemctl", "stop", "jupyterhub.service"], timeout=PATIENCE)
    run(["systemctl", "reset-failed", "traefik.service"], timeout=30, check=False)
    reload_proxy()


def reload_proxy():
    certificate.prepare_store()
    run(["tljh-config", "reload", "proxy"], timeout=PATIENCE, check=False)


def restart(what):
    """Restart the hub or the proxy (which takes the hub with it); return None or what is wrong.

    `tljh-config reload` waits for ever for a hub that cannot start, hence the time-out; and a unit that
    failed often is no longer started by systemd until its counter is reset.
    """
    run(["systemctl", "reset-failed", "jupyterhub.service", "traefik.service"], timeout=30, check=False)
    try:
        if what == "proxy":
            reload_proxy()
        run(["systemctl", "restart", "jupyterhub.service"], timeout=PATIENCE)
        return wait_for(problem_or_despair, seconds=PATIENCE)
    except OperationFailed as error:
        return error.message


def problem_or_despair():
    """What is wrong with the hub; raises OperationFailed when it has crashed too often to wait longer,
    because a class without a hub should not wait for a time-out."""
    problem = problem_for_students()
    if problem:
        shown = run(
            ["systemctl", "show", "--property=NRestarts", "--value", "jupyterhub.service"], timeout=10
        )
        if int(shown.stdout.strip() or 0) >= CRASHES:
            raise OperationFailed(f"the hub crashed {CRASHES} times in a row")
    return problem
