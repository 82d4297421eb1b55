"""The AWS command line, kept running: a line of JSON with arguments in, a line with what came of them out.

Each call by itself would start Python and load what it knows of AWS: a second, forty times a deployment. And nothing that
passes here is seen in the list of processes. Credentials are looked for anew each time, as the command line does.

example: echo '["sts", "get-caller-identity"]' | .tools/awscli/bin/python xtask/src/deploy/aws_lines.py
"""

import contextlib
import io
import json
import signal
import sys

from awscli.clidriver import create_clidriver

# Ctrl-C is for whoever started this; the end of the input ends it.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# What it has read of AWS's services, which is the same for every call.
KNOWLEDGE = create_clidriver().session.get_component("data_loader")


def main() -> None:
    for line in sys.stdin:
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = call(json.loads(line))
        print(json.dumps({"code": code, "out": out.getvalue(), "errors": errors.getvalue()}), flush=True)


def call(arguments: list[str]) -> int:
    driver = create_clidriver()
    driver.session.register_component("data_loader", KNOWLEDGE)
    try:
        return int(driver.main(arguments))
    except SystemExit as end:
        # Arguments that it does not know.
        return end.code if isinstance(end.code, int) else 1


if __name__ == "__main__":
    main()
