"""Start a kernel, run a cell in it, and end it. Run by a new environment's own Python, never imported.

Prints what the cell printed: the kernel's own prefix.
"""

import sys


def main():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=90, kernel_name="python3")
    try:
        reply = client.execute_interactive("import sys; print(sys.prefix, flush=True)", timeout=90)
        if reply["content"]["status"] != "ok":
            sys.exit("the cell failed: " + str(reply["content"]))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
