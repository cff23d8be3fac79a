# Written by coursehub: this file is replaced at each deploy. Every student's server reads it when it starts.


def heal_copies_when_links_are_followed():
    import logging
    import os
    import sys

    try:
        # At the end: nothing of the course's environment is hidden by it. Kernels do not get it.
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        from coursehub_pulling.hook import install

        install()
    except Exception:
        logging.getLogger("coursehub").exception("links work as nbgitpuller alone has them work")


heal_copies_when_links_are_followed()
