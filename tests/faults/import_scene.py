"""Run inside a house's own environment: ``python -m tests.faults.import_scene`` makes a running session and a token.

Prints one line of JSON; may be run again in the same house, for a session of another team.
"""

import json
from uuid import uuid4

import django

django.setup()

from biolab.accounts.roles import Role  # noqa: E402  the apps must be ready first
from tests.factories.accounts import make_person, make_team, make_token  # noqa: E402
from tests.factories.sessions import SessionFactory  # noqa: E402

name = uuid4().hex
lead = make_person(username=name, email=f"{name}@lab.example")
team = make_team(name)
team.memberships.create(user=lead, role=Role.LEAD)
session = SessionFactory(team=team, by=lead)
print(json.dumps({"session": session.public_id, "token": make_token(lead)[1]}))
