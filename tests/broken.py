"""What is broken on purpose, and with what, in the drill and in the tests."""

from __future__ import annotations

CACHE = "/opt/course/cache/uv"
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
# Neither cell waits for what it began: a kernel that is killed never says that its cell has ended.
HOARD = "import threading; threading.Timer(1, lambda: [b'x' * 100_000_000 for _ in range(40)]).start()"
BOMB = "import subprocess; subprocess.Popen(['bash', '-c', 'bomb() { bomb | bomb & }; bomb']).pid > 0"
IMPOSTOR = """
import http.server
class Broken(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)
http.server.HTTPServer(("127.0.0.1", 15001), Broken).serve_forever()
"""
MANY = f"""
import itertools, os
os.makedirs("{CACHE}/many", exist_ok=True)
try:
    for number in itertools.count():
        open("{CACHE}/many/" + str(number), "w").close()
except OSError:
    pass
"""
