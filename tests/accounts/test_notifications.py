"""What people are told: once, by the ways they left open, in an inbox of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries
from rest_framework.test import APIClient

from biolab.accounts.models import Notification, User
from biolab.accounts.roles import PlatformRole, Right, Role
from biolab.accounts.selectors import people_who_may
from biolab.accounts.services.notifications import forget_old_notifications, notify, prefer
from biolab.accounts.states import Category, Priority, Way
from tests.factories.accounts import NINE, client_of, make_person, make_team

pytestmark = pytest.mark.django_db

INBOX = "/api/notifications"


def tell(*people: User, title: str = "Something happened", **given: Any) -> None:
    notify(people, **{"title": title, "category": Category.TELEMETRY, "at": NINE, **given})


def titles(client: APIClient, query: str = "") -> list[str]:
    return [item["title"] for item in client.get(INBOX + query).json()["items"]]


def test_each_person_is_told_in_their_own_inbox() -> None:
    anna, bo, eve = (make_person() for _ in range(3))

    tell(anna, bo, title="pH left its limits", message="pH: 8", priority=Priority.HIGH, action_url="/x", meta={"n": 1})

    (shown,) = client_of(anna).get(INBOX).json()["items"]
    assert shown["id"].startswith("ntf_")
    del shown["id"]
    assert shown == {
        "title": "pH left its limits",
        "message": "pH: 8",
        "category": "telemetry",
        "priority": "high",
        "is_read": False,
        "action_url": "/x",
        "meta": {"n": 1},
        "created_at": "2026-03-02T09:00:00Z",
    }
    assert (titles(client_of(bo)), titles(client_of(eve))) == (["pH left its limits"], [])


def test_the_same_key_tells_a_person_once_even_after_they_removed_it() -> None:
    anna, bo = make_person(), make_person()
    tell(anna, key="alarm:1")
    client = client_of(anna)
    client.delete(f"{INBOX}/{Notification.objects.get().public_id}")

    tell(anna, bo, key="alarm:1")
    tell(anna, key="alarm:2")

    assert (len(titles(client)), len(titles(client_of(bo)))) == (1, 1)


def test_telling_many_costs_as_much_as_telling_one(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    people = [make_person() for _ in range(12)]

    for group in (people[:1], people):
        with django_assert_num_queries(4):  # the savepoint, what they chose, the rows
            tell(*group)


def test_a_way_that_was_closed_is_not_taken() -> None:
    quiet, mailed, gone = make_person(), make_person(), make_person(is_active=False)
    prefer(person=quiet, category=Category.TELEMETRY, way=Way.IN_APP, enabled=False)
    prefer(person=mailed, category=Category.TELEMETRY, way=Way.EMAIL, enabled=True)

    tell(quiet, mailed, gone)
    tell(quiet, title="Another matter", category=Category.EXPORTS)

    assert titles(client_of(quiet)) == ["Another matter"]
    assert [(row.person, row.in_inbox, row.mail_due) for row in Notification.objects.filter(category="telemetry")] == [
        (mailed, True, True)
    ]


def test_those_who_may_run_sessions_are_found_by_their_role() -> None:
    lead, observer, viewer, gone = make_person(), make_person(), make_person(PlatformRole.VIEWER), make_person()
    team = make_team(lead=lead, observer=observer, scientist=viewer, operator=gone)
    User.objects.filter(pk=gone.pk).update(is_active=False)

    assert list(people_who_may(Right.RUN, team)) == [lead]
    assert set(people_who_may(Right.READ, team.pk)) == {lead, observer, viewer}
    assert lead.memberships.get().role == Role.LEAD


def test_the_inbox_is_filtered_counted_and_marked_as_read() -> None:
    anna = make_person()
    client = client_of(anna)
    tell(anna, title="old")
    tell(anna, title="new", at=NINE + timedelta(hours=1), category=Category.EXPORTS, priority=Priority.LOW)
    old = Notification.objects.get(title="old")

    read = client.post(f"{INBOX}/{old.public_id}/read")

    assert (read.status_code, read.json()["is_read"]) == (200, True)
    assert titles(client) == ["new", "old"]
    assert (titles(client, "?is_read=false"), titles(client, "?is_read=true")) == (["new"], ["old"])
    assert titles(client, "?category=exports") == ["new"]
    assert client.get(f"{INBOX}?category=gossip").status_code == 422
    assert client.get(f"{INBOX}/stats").json() == {
        "total": 2,
        "unread": 1,
        "unread_by_category": {"compliance": 0, "sessions": 0, "telemetry": 0, "exports": 1, "system": 0},
        "unread_by_priority": {"low": 1, "medium": 0, "high": 0, "urgent": 0},
    }
    assert client.post(f"{INBOX}/mark-all-read").json() == {"marked": 1}
    assert titles(client, "?is_read=false") == []


def test_the_inbox_comes_in_pages() -> None:
    anna = make_person()
    for number in range(5):
        tell(anna, title=str(number), at=NINE + timedelta(seconds=number))
    client = client_of(anna)

    first = client.get(f"{INBOX}?limit=3").json()
    second = client.get(f"{INBOX}?limit=3&cursor={first['next_cursor']}").json()

    assert [item["title"] for item in first["items"] + second["items"]] == ["4", "3", "2", "1", "0"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(("method", "path"), [("delete", ""), ("post", "/read")])
def test_nobody_touches_what_another_was_told(method: str, path: str) -> None:
    anna, eve = make_person(), make_person(PlatformRole.ADMIN)
    tell(anna)
    row = Notification.objects.get()

    answer = getattr(client_of(eve), method)(f"{INBOX}/{row.public_id}{path}")

    row.refresh_from_db()
    assert (answer.status_code, row.in_inbox, row.is_read) == (404, True, False)


def test_removing_one_leaves_the_others() -> None:
    anna = make_person()
    tell(anna, title="this")
    tell(anna, title="that")
    path = f"{INBOX}/{Notification.objects.get(title='this').public_id}"
    client = client_of(anna)

    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert titles(client) == ["that"]


def test_preferences_are_kept_by_category_and_way() -> None:
    client = client_of(make_person())
    path = f"{INBOX}/preferences"

    before = {(row["category"], row["channel"]): row["enabled"] for row in client.get(path).json()}
    answer = client.put(f"{path}/exports/email", {"enabled": True}, format="json")

    assert len(before) == 10
    assert {way for (_, way), enabled in before.items() if enabled} == {"in_app"}
    assert answer.json() == {"category": "exports", "channel": "email", "enabled": True}
    assert client.get(f"{path}/exports/email").json()["enabled"] is True
    assert client.get(f"{path}/telemetry/email").json()["enabled"] is False
    assert client.put(f"{path}/exports/pigeon", {"enabled": True}, format="json").status_code == 404
    assert client.put(f"{path}/exports/email", {}, format="json").status_code == 422


def test_settings_change_in_part_and_refuse_what_makes_no_sense() -> None:
    client = client_of(make_person())
    path = f"{INBOX}/settings"
    fresh = client.get(path).json()

    changed = client.put(
        path,
        {"quiet_hours_start": "22:00", "quiet_hours_end": "06:30", "time_zone": "Europe/Berlin"},
        format="json",
    ).json()

    assert fresh == {
        "digest_frequency": "immediate",
        "quiet_hours_start": None,
        "quiet_hours_end": None,
        "time_zone": "UTC",
    }
    assert changed == {
        "digest_frequency": "immediate",
        "quiet_hours_start": "22:00:00",
        "quiet_hours_end": "06:30:00",
        "time_zone": "Europe/Berlin",
    }
    for wrong in (
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../../etc/passwd"},
        {"quiet_hours_start": None},
        {"quiet_hours_end": "22:00"},
        {"digest_frequency": "yearly"},
    ):
        assert client.put(path, wrong, format="json").status_code == 422, wrong
    assert client.get(path).json() == changed
    assert client.put(path, {"digest_frequency": "daily"}, format="json").json()["digest_frequency"] == "daily"


def test_a_platform_viewer_reads_their_own_inbox_and_a_narrowed_token_none() -> None:
    viewer = make_person(PlatformRole.VIEWER)

    assert client_of(viewer).post(f"{INBOX}/mark-all-read").status_code == 200
    assert client_of(viewer, scopes=["telemetry:read"]).get(INBOX).status_code == 403


def test_lists_cost_the_same_however_long(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    anna = make_person()
    client = APIClient()
    client.force_authenticate(anna)
    for number in range(3):
        tell(anna, title=str(number))
        for path, queries in ((INBOX, 1), (f"{INBOX}/stats", 2), (f"{INBOX}/preferences", 1)):
            with django_assert_num_queries(queries):
                client.get(path)


def test_half_a_year_later_it_is_forgotten() -> None:
    anna = make_person()
    tell(anna, title="old")
    tell(anna, title="new", at=NINE + timedelta(days=170))

    assert forget_old_notifications(at=NINE + timedelta(days=181)) == 1
    assert titles(client_of(anna)) == ["new"]


# -- the page and the bell ---------------------------------------------------------------------------------------------


@pytest.fixture
def browser() -> Client:
    """Return a browser in which a person with one notification has signed in."""
    person = make_person()
    tell(person, title="<b>pH</b> left its limits", action_url="/sessions/sess_1")
    client = Client()
    client.force_login(person)
    return client


def test_the_bell_counts_and_rings_no_more_once_all_is_read(browser: Client) -> None:
    counted = browser.get("/notifications/bell").content.decode()
    read = browser.post("/notifications/read-all")

    assert '<span class="count">1</span>' in counted
    assert (read.status_code, read["Location"]) == (302, "/notifications")
    assert "count" not in browser.get("/notifications/bell").content.decode()


def test_the_bell_of_a_sign_in_that_ended_leaves_the_header_alone() -> None:
    answer = Client().get("/notifications/bell")

    assert (answer.status_code, answer["HX-Reswap"], answer.content) == (401, "none", b"")


def test_the_inbox_page_shows_marks_and_leads_on(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = Notification.objects.get()

    with django_assert_num_queries(7):  # session, person; count, rows, unread; preferences, settings
        page = browser.get("/notifications").content.decode()
    on = browser.post(f"/notifications/{row.public_id}/read", {"go": "1"})
    stay = browser.post(f"/notifications/{row.public_id}/read")

    assert "&lt;b&gt;pH&lt;/b&gt; left its limits" in page
    assert (on["Location"], stay["Location"]) == ("/sessions/sess_1", "/notifications")
    row.refresh_from_db()
    assert row.is_read


def test_how_to_be_told_is_chosen_on_the_page(browser: Client) -> None:
    wishes = {"telemetry-email": "on", "telemetry-in_app": "on", "digest_frequency": "hourly", "time_zone": "UTC"}

    saved = browser.post("/notifications/wishes", wishes)
    refused = browser.post("/notifications/wishes", {**wishes, "time_zone": "Atlantis", "exports-email": "on"})

    assert (saved.status_code, refused.status_code) == (302, 422)
    assert "This is no time zone" in refused.content.decode()
    page = browser.get("/notifications").content.decode()
    assert page.count(" checked") == 2
    assert '<option value="hourly" selected>' in page
