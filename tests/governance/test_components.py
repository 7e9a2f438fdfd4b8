"""What a signature takes at the moment of signing: passwords, one-time codes, and who chose the password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from biolab.accounts.models import Notification, SigningPeriod, User
from biolab.accounts.roles import Role
from biolab.accounts.services import codes
from biolab.accounts.services.people import change_person, choose_password
from biolab.kernel.errors import Forbidden, Invalid, Refusal, TooMany
from biolab.kernel.models import SecurityEntry
from governance_app.models import ApprovalRequest, Signature
from governance_app.services.approvals import StageSpec
from tests.factories.codes import code_of, make_device
from tests.factories.exports import make_export, make_export_bench
from tests.factories.governance import PASSWORD, Bench, make_administrator, make_bench, make_request, sign
from tests.factories.sessions import NINE

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
SOON, LATE = NINE + timedelta(minutes=5), NINE + timedelta(minutes=40)
NEW = "a password of my own 7"


@pytest.fixture
def bench() -> Bench:
    return make_bench()


def one_stage(bench: Bench) -> ApprovalRequest:
    return make_request(bench, stages=[StageSpec(required_role=Role.REVIEWER)])


def reasons() -> list[str]:
    entries = SecurityEntry.objects.filter(kind="signature.refused").order_by("sequence")
    return [entry.record["detail"]["reason"] for entry in entries]


def give(bench: Bench, device: Any, at: datetime, *names: str, **more: Any) -> Any:
    values = {
        "password": PASSWORD if "password" in names else "",
        "totp": code_of(device, at) if "totp" in names else "",
    }
    return sign(one_stage(bench), bench.reviewer, at=at, **{**values, **more})


# (components given first, minutes until the second signature, same sign-in, components given then, missing pointers)
PERIODS: list[tuple[tuple[str, ...], int, str, tuple[str, ...], list[str]]] = [
    (("password", "totp"), 5, "one", ("password",), []),
    (("password", "totp"), 5, "one", ("totp",), []),
    (("password", "totp"), 5, "one", ("password", "totp"), []),
    (("password", "totp"), 5, "one", (), ["/password"]),
    (("password", "totp"), 40, "one", ("totp",), ["/password"]),
    (("password", "totp"), 40, "one", ("password",), ["/totp"]),
    (("password", "totp"), 5, "another", ("totp",), ["/password"]),
    (("password", "totp"), 5, "", ("password",), ["/totp"]),
]


@pytest.mark.parametrize(("first", "minutes", "period", "then", "missing"), PERIODS)
def test_11_200_the_first_signature_of_a_period_takes_every_component_and_later_ones_take_one(
    bench: Bench, first: tuple[str, ...], minutes: int, period: str, then: tuple[str, ...], missing: list[str]
) -> None:
    device, at = make_device(bench.reviewer), NINE + timedelta(minutes=minutes)
    give(bench, device, NINE, *first, period="one")

    try:
        give(bench, device, at, *then, period=period)
        told = []
    except Invalid as refusal:
        told = [error["pointer"] for error in refusal.facts["errors"]]

    assert told == missing
    assert Signature.objects.count() == (1 if missing else 2)


@pytest.mark.parametrize("given", [("password",), ("totp",), ()])
def test_11_200_one_component_does_not_begin_a_period(bench: Bench, given: tuple[str, ...]) -> None:
    device = make_device(bench.reviewer)

    with pytest.raises(Invalid):
        give(bench, device, NINE, *given, period="one")

    assert not Signature.objects.exists()
    assert not SigningPeriod.objects.exists()
    assert reasons() == []


def test_a_rehearsal_begins_no_period(bench: Bench) -> None:
    device = make_device(bench.reviewer)

    give(bench, device, NINE, "password", "totp", period="one", dry_run=True)

    assert not SigningPeriod.objects.exists()


def test_11_200_a_code_is_taken_once(bench: Bench) -> None:
    device = make_device(bench.reviewer)
    give(bench, device, NINE, "password", "totp", period="one")

    with pytest.raises(Forbidden) as refused:
        give(bench, device, NINE, "totp", period="one")

    assert (refused.value.code, reasons()) == ("wrong_code", ["wrong_code"])
    assert Signature.objects.count() == 1


def test_a_wrong_password_uses_up_no_code(bench: Bench) -> None:
    device = make_device(bench.reviewer)

    with pytest.raises(Forbidden):
        give(bench, device, NINE, "totp", password="guess")
    give(bench, device, NINE, "password", "totp")

    assert Signature.objects.count() == 1


def test_11_300_wrong_codes_lock_signing_like_wrong_passwords_and_administrators_hear_of_it(bench: Bench) -> None:
    device, admin = make_device(bench.reviewer), make_administrator()
    ends = []

    for number in range(7):
        at = NINE + timedelta(seconds=number)
        with pytest.raises(Refusal) as refused:
            sign(one_stage(bench), bench.reviewer, at=at, password=PASSWORD, totp="000000" if number else "x")
        ends.append(refused.value.code)
    with pytest.raises(TooMany):
        give(bench, device, NINE + timedelta(minutes=14), "password", "totp")
    give(bench, device, NINE + timedelta(minutes=16), "password", "totp")

    assert ends == ["wrong_code"] * 5 + ["signing_locked"] * 2
    assert Signature.objects.count() == 1
    assert SecurityEntry.objects.filter(kind="signing.locked").count() == 1
    assert [message.to for message in mail.outbox] == [[admin.email]]
    assert Notification.objects.get(person=admin).title == f"Signing locked: {bench.reviewer.printed_name}"


def test_a_code_of_somebody_without_a_device_is_refused_with_its_reason(bench: Bench) -> None:
    with pytest.raises(Invalid) as refused:
        sign(one_stage(bench), bench.reviewer, totp="123456")

    assert refused.value.facts["errors"] == [
        {"pointer": "/totp", "detail": "You have no device for codes; sign with your password."}
    ]
    assert not Signature.objects.exists()


# -- a password of one's own -----------------------------------------------------------------------------------------


def reset(person: User) -> None:
    change_person(person=person, by=make_administrator(), at=NINE, password="handed over 123")
    person.refresh_from_db()


def test_11_200_an_administrator_who_resets_a_password_cannot_sign_as_its_owner(bench: Bench) -> None:
    reset(bench.reviewer)

    with pytest.raises(Forbidden) as refused:
        sign(one_stage(bench), bench.reviewer, password="handed over 123")

    assert (refused.value.code, reasons()) == ("password_not_own", ["password_not_own"])
    assert "Choose one of your own" in refused.value.sentence
    assert not Signature.objects.exists()
    assert Notification.objects.filter(person=bench.reviewer, title__contains="set your password").count() == 1


def test_the_owner_signs_again_with_a_password_of_their_own(bench: Bench) -> None:
    reset(bench.reviewer)

    for wrong in ({"current": "guess", "password": NEW}, {"current": "handed over 123", "password": "handed over 123"}):
        with pytest.raises(Refusal):
            choose_password(by=bench.reviewer, at=NINE, **wrong)
    own = choose_password(by=bench.reviewer, at=NINE, current="handed over 123", password=NEW)

    assert sign(one_stage(bench), own, password=NEW).state == "approved"


def test_the_api_lets_the_owner_choose_and_asks_for_the_code_of_who_has_a_device(bench: Bench) -> None:
    person, device = bench.reviewer, make_device(bench.reviewer)
    reset(person)

    for code in ("", "000000"):
        with pytest.raises(Refusal):
            change_person(person=person, by=person, at=NINE, password=NEW, totp=code)
    before = User.objects.get(pk=person.pk).password_reset_by_id
    change_person(person=person, by=person, at=NINE, password=NEW, totp=code_of(device, NINE))

    assert before is not None
    assert User.objects.get(pk=person.pk).password_reset_by_id is None


def put_password(person: User, **sent: str) -> Any:
    client = APIClient()
    client.force_authenticate(User.objects.get(pk=person.pk))
    return client.put(f"/api/v1/users/{person.public_id}", sent, format="json")


def test_11_200_a_password_set_by_a_sign_in_alone_signs_nothing(bench: Bench) -> None:
    person, other = bench.reviewer, "yet another one 8"

    first = put_password(person, password=NEW)
    again = put_password(person, password=other, current_password=NEW)
    chosen = choose_password(by=User.objects.get(pk=person.pk), at=NINE, current=other, password=NEW)

    assert (first.status_code, again.status_code) == (200, 200)
    with pytest.raises(Forbidden) as refused:
        sign(one_stage(bench), chosen, password=NEW)
    assert refused.value.code == "password_not_own"
    with pytest.raises(Forbidden):
        codes.begin_device(by=chosen, at=NINE)
    assert not Signature.objects.exists()
    told = Notification.objects.filter(person=person, title="Your password was changed")
    assert all("without the one before it" in each.message for each in told)
    assert told.count() == 3

    reset(person)
    own = choose_password(by=person, at=NINE, current="handed over 123", password=NEW)

    assert sign(one_stage(bench), own, password=NEW).state == "approved"


def test_11_200_a_password_set_with_the_one_before_it_signs(bench: Bench) -> None:
    wrong = put_password(bench.reviewer, password=NEW, current_password="guess")
    kept = User.objects.get(pk=bench.reviewer.pk)
    right = put_password(bench.reviewer, password=NEW, current_password=PASSWORD)

    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    assert kept.check_password(PASSWORD)
    assert SecurityEntry.objects.filter(kind="password.refused").count() == 1
    assert right.status_code == 200
    own = User.objects.get(pk=bench.reviewer.pk)
    assert sign(one_stage(bench), own, password=NEW).state == "approved"


@pytest.mark.parametrize("way", ["password", "withdraw"])
def test_11_300_guessing_on_the_accounts_page_locks_signing_and_administrators_are_told(bench: Bench, way: str) -> None:
    admin, browser, person = make_administrator(), Client(), bench.reviewer
    device = make_device(person)
    browser.force_login(person)
    guess = {"act": way, "current": "guess", "password": "guess" if way == "withdraw" else NEW, "again": NEW}

    answers = [browser.post("/account", {**guess, "totp": "000000"}).status_code for _ in range(6)]

    assert answers == [403] * 5 + [422]
    assert [entry.record["detail"]["user_id"] for entry in SecurityEntry.objects.filter(kind="signing.locked")] == [
        person.public_id
    ]
    assert Notification.objects.filter(person=admin, title__startswith="Signing locked").count() == 1
    assert [message.to for message in mail.outbox if "Signing locked" in message.subject] == [[admin.email]]
    assert codes.device_of(person) == device
    now = datetime.now(UTC)
    with pytest.raises(TooMany):
        sign(one_stage(bench), person, at=now, password=PASSWORD, totp=code_of(device, now))


def test_doors_and_pages_say_why_a_given_password_does_not_sign() -> None:
    bench = make_export_bench()
    export = make_export(bench)
    reset(bench.reviewer)
    bench.reviewer.is_staff = True
    bench.reviewer.save(update_fields=["is_staff"])
    page = Client()
    page.force_login(bench.reviewer)
    path = f"/api/experiment-console/sessions/{bench.session.public_id}/exports/narrative/{export.public_id}/approve"

    door = page.post(path, {"status": "approved", "signature": "R", "password": "handed over 123"}, "application/json")
    shown = page.get(f"/sessions/{bench.session.public_id}").content.decode()
    desk = page.get(reverse("admin:governance_app_approvalrequest_change", args=[export.approval_id])).content.decode()
    account = page.get("/account").content.decode()

    assert (door.status_code, door.json()["code"]) == (403, "password_not_own")
    assert all("Choose one of your own" in text for text in (shown, desk, account))
    assert not Signature.objects.exists()


def test_a_door_takes_codes_and_knows_its_sign_in() -> None:
    bench = make_export_bench()
    device = make_device(bench.reviewer)
    client = APIClient()
    client.force_login(bench.reviewer)
    paths = [
        f"/api/experiment-console/sessions/{bench.session.public_id}/exports/narrative/{export.public_id}/approve"
        for export in (make_export(bench), make_export(bench))
    ]
    sent, code = {"status": "approved", "signature": "R"}, code_of(device, datetime.now(UTC))

    alone = client.post(paths[0], {**sent, "password": PASSWORD}, format="json")
    first = client.post(paths[0], {**sent, "password": PASSWORD, "totp": code}, format="json")
    second = client.post(paths[1], {**sent, "password": PASSWORD}, format="json")

    assert [answer.status_code for answer in (alone, first, second)] == [422, 200, 200]
    assert alone.json()["errors"][0]["pointer"] == "/totp"


# -- devices ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(bench: Bench) -> Client:
    client = Client()
    client.force_login(bench.reviewer)
    return client


def test_a_device_is_enrolled_confirmed_and_withdrawn_on_the_accounts_page(bench: Bench, browser: Client) -> None:
    browser.post("/account", {"act": "begin"})
    pending = codes.pending_device_of(bench.reviewer)
    page = browser.get("/account")
    wrong = browser.post("/account", {"act": "confirm", "password": PASSWORD, "totp": "000000"})
    code = code_of(pending, datetime.now(UTC))
    right = browser.post("/account", {"act": "confirm", "password": PASSWORD, "totp": code})
    again = browser.post("/account", {"act": "withdraw", "password": PASSWORD, "totp": code})
    kept = codes.device_of(bench.reviewer)
    later = code_of(pending, datetime.now(UTC) + timedelta(seconds=30))
    gone = browser.post("/account", {"act": "withdraw", "password": PASSWORD, "totp": later})

    assert "<svg" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert [answer.status_code for answer in (wrong, right, again, gone)] == [403, 302, 403, 302]
    assert kept is not None
    assert codes.device_of(bench.reviewer) is None
    kinds = SecurityEntry.objects.filter(kind__startswith="totp.").order_by("sequence").values_list("kind", flat=True)
    assert list(kinds) == ["totp.refused", "totp.enrolled", "totp.refused", "totp.withdrawn"]


def test_whoever_was_given_a_password_enrols_no_device(bench: Bench) -> None:
    reset(bench.reviewer)

    with pytest.raises(Forbidden):
        codes.begin_device(by=bench.reviewer, at=NINE)

    assert codes.pending_device_of(bench.reviewer) is None


def test_an_administrator_removes_a_lost_device_and_nobody_else_does(bench: Bench) -> None:
    make_device(bench.reviewer)
    admin = make_administrator(is_superuser=True)
    own = make_device(admin)
    desk = Client()
    desk.force_login(admin)
    attempts: list[Callable[[], None]] = [
        lambda: codes.remove_lost_device(person=bench.reviewer, by=bench.lead, at=NINE),
        lambda: codes.remove_lost_device(person=admin, by=admin, at=NINE),
    ]

    for attempt in attempts:
        with pytest.raises(Forbidden):
            attempt()
    page = desk.get(reverse("admin:accounts_user_change", args=[bench.reviewer.pk])).content.decode()
    desk.post(reverse("admin:accounts_user_remove_device", args=[bench.reviewer.pk]))

    assert own.key not in page
    assert codes.device_of(bench.reviewer) is None
    assert codes.device_of(admin) is not None
    assert SecurityEntry.objects.filter(kind="totp.removed").count() == 1
    assert Notification.objects.filter(person=bench.reviewer, title__contains="device").count() == 1
    assert desk.get("/admin/otp_totp/totpdevice/").status_code == 404


def test_the_password_is_changed_on_the_accounts_page_and_the_browser_stays(bench: Bench, browser: Client) -> None:
    answers = [
        browser.post("/account", {"act": "password", "current": PASSWORD, "password": new, "again": again})
        for new, again in ((NEW, "other"), ("password", "password"), (NEW, NEW))
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 302]
    assert User.objects.get(pk=bench.reviewer.pk).check_password(NEW)
    assert browser.get("/account").status_code == 200
