"""Import modules one after another. Run by a new environment's own Python, never imported.

The first argument is a JSON list of modules, the second the bytes of memory after which to stop. The
answers are lines of JSON on standard output: {"trying": number} before each, {"failed": number, "error"}
where one fails, and {"next": number} at the end: the first module that was not tried for want of memory.
"""

import importlib
import json
import os
import sys
import traceback


def resident():
    """Bytes of memory that this process holds: https://docs.kernel.org/filesystems/proc.html, statm."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def where(error):
    """The lines that led to an error, but for the import machinery's own and ours."""
    frames = traceback.extract_tb(error.__traceback__)
    return traceback.format_list(
        [
            frame
            for frame in frames
            if not frame.filename.startswith("<") and "/importlib/" not in frame.filename
        ]
    )


def main(modules, limit):
    # What a module prints must not be read as an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    tried = 0
    for module in modules:
        answers.write(json.dumps({"trying": tried}) + "\n")
        try:
            importlib.import_module(module)
        except BaseException as error:
            print("".join(where(error)), file=sys.stderr)
            words = f"{type(error).__name__}: {error}"
            answers.write(json.dumps({"failed": tried, "error": words}) + "\n")
            return
        tried += 1
        if resident() > limit:
            break
    answers.write(json.dumps({"next": tried}) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]))
    # What the modules do at exit is not what is tried here.
    os._exit(0)
