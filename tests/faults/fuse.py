"""Deaths at chosen places: a worker's attempt is a sequence of small acts, and a lit fuse ends it at one of them.

Acts are statements sent to the database, files opened, renamed and removed.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.db import connection, connections

ACTS = ("open", "os.rename", "os.remove", "os.mkdir", "shutil.rmtree", "tempfile.mkstemp", "os.link")


class Fuse:
    """Counts the acts of this process and may end it at one of them."""

    def __init__(self) -> None:
        self.acts = 0
        self.burns_at = 0
        self.is_lit = False
        sys.addaudithook(self.heard)

    def heard(self, event: str, _details: Any) -> None:
        if self.is_lit and event in ACTS:
            self.act()

    def statement(self, execute: Callable[..., Any], *args: Any) -> Any:
        """Count a statement before it is sent, and once more when it is through."""
        self.act()
        done = execute(*args)
        self.act()
        return done

    def act(self) -> None:
        self.acts += 1
        if self.acts == self.burns_at:
            os.kill(os.getpid(), signal.SIGKILL)


def work(fuse: Fuse, job: Callable[[], object], *, burns_at: int) -> int:
    """Do a job in a forked worker and return its acts; where it was killed, its exit status, which is negative."""
    connections.close_all()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            fuse.acts, fuse.burns_at, fuse.is_lit = 0, burns_at, True
            with connection.execute_wrapper(fuse.statement):
                job()
            fuse.is_lit = False
            os.write(writer, str(fuse.acts).encode())
        finally:
            os._exit(0)
    os.close(writer)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(reader) as told:
        counted = told.read()
    return int(counted) if status == 0 and counted else status
