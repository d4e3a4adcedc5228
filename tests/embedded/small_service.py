"""A service of small programs, which the tests run as separate processes.

`up DIR` and `servers DIR` run the code under test; the other commands are the programs that `up`
starts: `migrate` writes a row, the others answer on their port. Each imports only what it
needs, so that it starts fast.
"""

import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class HealthHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


def migrate() -> None:
    import psycopg  # noqa: PLC0415  # slow to import, and only this program needs it

    with psycopg.connect(os.environ["TOETSFEEDBACK_DATABASE_URL"]) as connection:
        connection.execute("create table if not exists starts (at timestamptz default now())")
        connection.execute("insert into starts default values")


def serve(port: int) -> None:
    HTTPServer(("127.0.0.1", port), HealthHandler).serve_forever()


def up(directory: Path, failing: str = "") -> int:
    """Run `up`, with one program that fails."""

    from embedded.up import run_up  # noqa: PLC0415  # the same

    def command(*arguments: str) -> list[str]:
        name = "fail" if arguments[0] == failing else arguments[0]
        return [sys.executable, __file__, name, *arguments[1:]]

    return run_up(directory, workers=2, durable=False, command=command)


def main(command: str, *arguments: str) -> int:
    if command == "up":
        return up(Path(arguments[0]), *arguments[1:])
    if command == "servers":
        from embedded.servers import embedded_servers  # noqa: PLC0415  # the same

        with embedded_servers(Path(arguments[0])):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            time.sleep(600)
    if command == "migrate":
        migrate()
    if command in {"api", "portal", "provider"}:
        serve(int(arguments[1]))
    if command == "worker":
        serve(int(os.environ["TOETSFEEDBACK_WORKER_METRICS_PORT"]))
    return 3 if command == "fail" else 0


def main_of_up() -> int:
    """Run `up` with the output of the command line."""
    from services.cli.output import discard_unwritten, prepare_streams  # noqa: PLC0415  # as above

    prepare_streams()
    try:
        return main(*sys.argv[1:])
    finally:
        discard_unwritten()


if __name__ == "__main__":
    sys.exit(main_of_up() if sys.argv[1] == "up" else main(*sys.argv[1:]))
