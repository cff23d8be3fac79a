"""Writes Documentation/Settings.md from course.schema.json; with --check, says whether it is up to date."""

import argparse
import sys
from pathlib import Path

from coursehub.settings_document import settings_page

PAGE = Path(__file__).resolve().parent.parent / "Documentation" / "Settings.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 when the page is stale"
    )
    if not parser.parse_args().check:
        PAGE.write_text(settings_page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != settings_page():
        print(f"{PAGE.name} is stale. Fix: run python scripts/settings_page.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
