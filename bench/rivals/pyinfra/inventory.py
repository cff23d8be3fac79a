"""The one server, as the facts that the bench wrote know it."""

import json
import os
from pathlib import Path

facts = json.loads(Path(os.environ["BENCH_FACTS"]).read_text())
hub = [
    (
        facts["ssh_host"],
        {
            "ssh_port": facts["ssh_port"],
            "ssh_user": "root",
            "ssh_key": facts["key"],
            "ssh_known_hosts_file": facts["known_hosts"],
            "ssh_strict_host_key_checking": "yes",
        },
    )
]
