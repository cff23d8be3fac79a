"""Make the virtual environment that everything else runs in. Standard library only, any Python 3.

python3 virtualenv.py FOLDER REQUIREMENTS
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

LEAST = (3, 11)


def main(folder, requirements):
    if sys.version_info < LEAST:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            "Coursehub needs Python 3.11 or later, and this is Python " + version + ".\n"
            "Install a newer one and name it: make demo PYTHON=python3.12"
        )
    shutil.rmtree(folder, ignore_errors=True)
    print("Making the virtual environment " + str(folder), file=sys.stderr, flush=True)
    if subprocess.call([sys.executable, "-m", "venv", folder], stdout=subprocess.DEVNULL):
        install_venv()
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.check_call([sys.executable, "-m", "venv", folder])
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.check_call([*pip, "--require-hashes", "--requirement", requirements])
    (folder / ".ready").touch()


def install_venv():
    """Debian and Ubuntu keep the venv module's other half in a package of its own."""
    version = "python" + ".".join(map(str, sys.version_info[:2])) + "-venv"
    if os.geteuid() or not shutil.which("apt-get"):
        sys.exit(
            "This Python cannot make virtual environments. Install them: sudo apt-get install " + version
        )
    subprocess.check_call(["apt-get", "update", "--quiet"], stdout=subprocess.DEVNULL)
    subprocess.check_call(["apt-get", "install", "--yes", "--quiet", version], stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
