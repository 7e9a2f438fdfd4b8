"""A worker of its own process: ``python -m tests.faults.speech_worker TASK`` transcribes one recording.

It works in the database that ``SPEECH_DATABASE`` describes, so that a test can kill it in the middle.
"""

import json
import os
import sys
from uuid import UUID

from django.conf import settings

settings.DATABASES["default"] |= json.loads(os.environ["SPEECH_DATABASE"])

import django  # noqa: E402

django.setup()

from django.utils import timezone  # noqa: E402  the apps must be ready first

from sessions_app.services.transcribing import run_transcription  # noqa: E402

print(run_transcription(task_id=UUID(sys.argv[1]), clock=timezone.now))
