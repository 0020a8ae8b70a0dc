"""An API process as the supervisor starts it: serves on a socket that it inherited."""

import argparse
import signal
import socket

from openpersonalize.jobs.orphans import follow_parent
from openpersonalize.roles.api import run_api
from openpersonalize.settings import load_settings


def main() -> None:
    """Serve until told to stop, or until the supervisor is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True, help="number of the inherited socket")
    arguments = parser.parse_args()
    follow_parent(arguments.parent, by=signal.SIGTERM)
    run_api(load_settings(), socket.socket(fileno=arguments.listener))


if __name__ == "__main__":
    main()
