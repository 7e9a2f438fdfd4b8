"""The crew of a session on its page."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from biolab.accounts.models import User
from biolab.accounts.roles import Right
from biolab.kernel.errors import Invalid
from biolab.kernel.ids import find
from exports_app.pages.session import SessionView
from sessions_app.models import LabSession
from sessions_app.policies import require_right
from sessions_app.selectors import people_for_crew
from sessions_app.services.crew import join_crew, leave_crew


class ChangeCrew(SessionView):
    """Put somebody into the crew by e-mail, or take somebody out."""

    def post(self, request: HttpRequest, sid: str) -> HttpResponseBase:
        email, leaving = request.POST.get("email", ""), request.POST.get("leave", "")

        def change(session: LabSession, by: User, at: datetime) -> None:
            if leaving:
                leave_crew(session=session, person=find(session.crew.all(), leaving), by=by, at=at)
                return
            require_right(by, Right.RUN, session.team_id)  # before anybody is looked up
            person = people_for_crew(session, by).filter(email=email.strip().casefold()).first()
            if person is None:
                raise Invalid("There is nobody with this e-mail whom you could put into the crew.")
            join_crew(session=session, person=person, by=by, at=at)

        return self.act(sid, "head", change)
