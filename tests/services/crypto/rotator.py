"""A process that starts rotations as children of its own, to be killed: Django is loaded once for all of them.

Reads "SLUG BATCH" lines, prints each child's pid when it begins, and its exit status and result when it ended.
"""

import io
import json
import os
import sys

import django


def main() -> None:
    """Fork a child for each line of standard input."""
    django.setup()
    from django.core.management import call_command

    for line in sys.stdin:
        slug, batch = line.split()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            out = io.StringIO()
            options = ["--organization", slug, "--batch", batch, "--here", "--json"]
            call_command("keys_rotate", *options, stdout=out, stderr=io.StringIO())
            os.write(write, out.getvalue().splitlines()[-1].encode())
            os._exit(0)
        os.close(write)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        with os.fdopen(read) as pipe:
            print(json.dumps([os.waitstatus_to_exitcode(status), pipe.read()]), flush=True)


if __name__ == "__main__":
    main()
