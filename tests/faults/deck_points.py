"""Run on prepared data: ``python -m tests.faults.deck_points KILLS`` builds decks and dies at many places.

One whole attempt is counted first; then, deck after deck, a forked worker is killed with SIGKILL at one act after the
other, spread evenly, and two more come when the lease has run out. Prints one line of JSON per kill.
"""

import json
import signal
import sys
from datetime import datetime, timedelta
from functools import partial

import django

django.setup()

from biolab.kernel.leases import LEASE  # noqa: E402  the apps must be ready first
from exports_app import storage  # noqa: E402
from exports_app.decks.slides import Picture, Slide  # noqa: E402
from exports_app.models import DeckJob  # noqa: E402
from exports_app.services.decks import PLACE, ask_deck, build_deck, open_deck, sweep_deck_files  # noqa: E402
from tests.factories.exports import TEN  # noqa: E402
from tests.factories.sessions import make_member  # noqa: E402
from tests.faults import fuse as fuses  # noqa: E402
from tests.faults.fuse import Fuse  # noqa: E402

SLIDES = [Slide("One", ("a",)), Slide("Two", ("b",), image=Picture("", "c", "drawn"))]


def work(fuse: Fuse, job: DeckJob, *, at: datetime, burns_at: int = 0) -> int:
    """Build in a forked worker and return how it ended."""
    return fuses.work(fuse, partial(build_deck, job_id=job.pk, clock=lambda: at), burns_at=burns_at)


def main() -> None:
    """Count, then kill."""
    kills, fuse, person = int(sys.argv[1]), Fuse(), make_member(None)
    first = ask_deck(slides=SLIDES, by=person, at=TEN)
    build_deck(job_id=first.pk, clock=lambda: TEN)  # what is imported late is imported by now
    acts = work(fuse, ask_deck(slides=SLIDES, by=person, at=TEN), at=TEN)
    for number in range(kills):
        place = 1 + number * (acts - 1) // (kills - 1)
        at = TEN + timedelta(minutes=number + 2)
        job = ask_deck(slides=SLIDES, by=person, at=at)
        ended = work(fuse, job, at=at, burns_at=place)
        job.refresh_from_db()
        begun = job.attempts
        work(fuse, job, at=at + LEASE)
        work(fuse, job, at=at + 2 * LEASE)
        job.refresh_from_db()
        sweep_deck_files(at=datetime.now(at.tzinfo) + timedelta(days=2))
        with open_deck(job) as file:
            size = len(file.read())
        answer = {
            "place": place,
            "acts": acts,
            "killed": ended == -signal.SIGKILL,
            "status": job.status,
            "begun": begun,
            "attempts": job.attempts,
            "first_was_through": job.finished_at == at,
            "jobs": DeckJob.objects.filter(created_at=at).count(),
            "files": len(list(storage.names_under(f"{PLACE}/{job.public_id}"))),
            "is_whole": size == job.size,
        }
        print(json.dumps(answer), flush=True)


main()
