"""Starts the engines of a state folder, prints their process ids, and holds them until its input ends."""

import json
import sys
from pathlib import Path

from config.embedded.engines import Engines

engines = Engines(Path(sys.argv[1]), durable=False)
with engines:
    print(json.dumps(engines.pids()), flush=True)
    sys.stdin.read()
