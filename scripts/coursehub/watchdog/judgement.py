"""What is thought of what was seen. Pure: nothing here looks at anything, or does anything."""

from __future__ import annotations

import json

from coursehub.watchdog import kills, machine_judgement, restarts, ssh
from coursehub.watchdog.model import FAILURE, GOOD, UNSEEN, WARNING, Finding, unseen

DAY = 86400.0
HUB, PROXY = "jupyterhub.service", "traefik.service"
CRASHES = 3
SLOW = 5.0
FEW_DAYS = 1.0
"""A certificate for ninety days is renewed thirty days before its end; one for six days, one day before."""
ROUTES = {404, 424, 503}
"""What the hub answers in place of a person's server that runs: its route is lost, or it does not answer."""


def findings(seen, now):
    """Everything that was seen, judged; `now` in seconds since the epoch."""
    found = []
    for judge in JUDGES:
        said = judge(seen, now)
        found += [said] if isinstance(said, Finding) else said or []
    return found


def volume(seen, now):
    about = seen["volume"]
    if blind := unseen("volume", about):
        return blind
    if not about["wanted"]:
        return None
    if about["mounted"]:
        return Finding("volume", GOOD, "the volume with the homes is mounted")
    why = "it was detached, or coursehub-home.service could not mount it"
    return Finding("volume", FAILURE, "the volume with the homes is not mounted at /home", why)


def hub(seen, now):
    answer = seen["hub"]
    if blind := unseen("hub", answer):
        return blind
    if answer.get("status") == 200 and version_in(answer["body"]):
        version = version_in(answer["body"])
        if answer["seconds"] > SLOW:
            words = f"JupyterHub {version}, slow: {answer['seconds']:.0f} s"
            return Finding("hub", WARNING, words, machine_judgement.cause_of_slowness(seen))
        return Finding("hub", GOOD, f"JupyterHub {version}")
    words = answer.get("trouble") or f"status {answer['status']}"
    if "status" in answer:
        return Finding("hub", FAILURE, f"the hub answers wrongly: {words}", cause_of_errors(answer, seen))
    return Finding("hub", FAILURE, f"the hub does not answer: {words}", cause_of_unit(seen, HUB))


def cause_of_errors(answer, seen):
    """Why something else comes than what a hub says of itself."""
    units = seen["units"]
    state = {} if "unseen" in units else units.get(HUB, {}).get("ActiveState")
    if answer.get("foreign") or state in ("inactive", "failed", "activating"):
        return "another program has the hub's port, so that the hub cannot start"
    if machine_judgement.has_full_disk(seen):
        return "the disk is full"
    if answer["status"] >= 500:
        return "the hub runs, but fails inside: `journalctl -u jupyterhub` has its error"
    return "another program has the hub's port"


def version_in(body):
    """The version that JupyterHub's API tells; None for an answer that is not its."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found.get("version") if isinstance(found, dict) else None


def cause_of_unit(seen, unit):
    """Why a service does not answer, as its manager and the machine know it."""
    units = seen["units"]
    about = {} if "unseen" in units else units.get(unit, {})
    name = "the hub" if unit == HUB else "the proxy"
    if seen["volume"].get("wanted") and not seen["volume"].get("mounted"):
        return "it does not start without the volume"
    if machine_judgement.has_full_disk(seen):
        return "the disk is full"
    state, restarts = about.get("ActiveState"), int(about.get("NRestarts") or 0)
    if state in ("failed", "activating", "deactivating") or restarts >= CRASHES:
        if about.get("Result") == "oom-kill":
            return f"{name} was killed for want of memory"
        if restarts:
            return f"{name} ends again and again ({restarts} restarts)"
    if state == "inactive":
        return f"{name} is switched off"
    if state == "failed":
        return f"{name} ended and was not started again"
    if state == "active":
        return f"{name} runs and does not answer"
    return ""


def proxy(seen, now):
    answer = seen["proxy"]
    if blind := unseen("proxy", answer):
        return blind
    if "trouble" in answer:
        words = f"the proxy does not answer: {answer['trouble']}"
        if answer.get("late") and seen["hub"].get("late"):
            return Finding("proxy", UNSEEN, f"{words}; nor does the hub, to which it leads")
        return Finding("proxy", FAILURE, words, cause_of_unit(seen, PROXY))
    return Finding("proxy", GOOD, "the proxy answers")


def way_to_the_hub(seen, now):
    """Whether the proxy leads to the hub; not asked where either does not answer."""
    there, here = seen["proxy"], seen["hub"]
    if "status" not in there or here.get("status") != 200:
        return None
    if there["status"] == 200 and version_in(there["body"]):
        return Finding("way to the hub", GOOD, "the proxy leads to the hub")
    words = f"the proxy answers {there['status']} where it should lead to the hub"
    why = "the proxy has lost the hub's route"
    if there["status"] in (502, 504):
        why = "the proxy's route leads to where no hub answers"
    elif there["status"] >= 500:
        why = "the proxy, or what answers in its place at its port, fails"
    return Finding("way to the hub", FAILURE, words, why)


def way_to_a_server(seen, now):
    """Whether people reach their servers, by the one that was used last."""
    about = seen["servers"]
    if blind := unseen("way to a server", about):
        return blind
    answer = about.get("answer")
    if not answer or seen["hub"].get("status") != 200 or "status" not in seen["proxy"]:
        return None
    running = f"{about['running']} {'server runs' if about['running'] == 1 else 'servers run'}"
    status = answer.get("status")
    if status is not None and status not in ROUTES and status < 500:
        return Finding("way to a server", GOOD, f"{running}, and the proxy leads there")
    words = answer.get("trouble") or f"status {status}"
    why = (
        "the proxy has lost its route"
        if status == 404
        else "that server does not answer, or its route is lost"
    )
    return Finding("way to a server", WARNING, f"{running}, but the last used is not reached: {words}", why)


def certificate(seen, now):
    about = seen["certificate"]
    if blind := unseen("certificate", about):
        return blind
    if about["host"] is None or "trouble" in seen["proxy"]:
        return None
    if about["problem"]:
        why = "it was not renewed" if "expired" in about["problem"] else ""
        return Finding("certificate", FAILURE, about["problem"], why)
    days = (about["end"] - now) / DAY
    if days < FEW_DAYS:
        words = f"the certificate ends in {days * 24:.0f} hours"
        return Finding("certificate", WARNING, words, "it was not renewed in time")
    return Finding("certificate", GOOD, f"for {days:.0f} more days")


def environment(seen, now):
    about = seen["environment"]
    if blind := unseen("environment", about):
        return blind
    if about["missing"]:
        words = f"new servers cannot start: {about['missing']}"
        return Finding(
            "environment", FAILURE, words, "somebody changed it on the droplet, or the disk is damaged"
        )
    return Finding("environment", GOOD, f"{about['name']} is whole")


def culler(seen, now):
    if not ((seen["config"].get("services") or {}).get("cull") or {}).get("enabled"):
        return None
    if blind := unseen("culler", seen["culler"]):
        return blind
    if seen["culler"]["runs"] or seen["hub"].get("status") != 200:
        return None
    return Finding("culler", WARNING, "nothing stops idle servers", "the hub's service for it does not run")


def failed_units(seen, now):
    units = seen["units"]
    if blind := unseen("services", units):
        return blind
    others = [unit for unit in units["failed"] if unit not in (HUB, PROXY)]
    if not others:
        return None
    return Finding("services", WARNING, f"failed: {', '.join(others[:5])}", "systemctl status says why")


def last_deploy(seen, now):
    about = seen["deploy"]
    if blind := unseen("last deploy", about):
        return blind
    if about.get("verdict") == "failed":
        return Finding("last deploy", WARNING, "the last deploy failed", about.get("error") or "")
    return None


JUDGES = (
    volume,
    hub,
    proxy,
    way_to_the_hub,
    way_to_a_server,
    certificate,
    machine_judgement.disks,
    machine_judgement.memory,
    restarts.judge,
    kills.judge,
    machine_judgement.tasks,
    machine_judgement.clock,
    ssh.judge,
    environment,
    culler,
    failed_units,
    last_deploy,
)
