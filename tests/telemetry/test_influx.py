"""The doors of InfluxDB's write API: who may write where, what comes of it, and errors that its clients understand."""

from __future__ import annotations

import gzip
from base64 import b64encode
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import zstandard
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from biolab.accounts.models import Membership
from biolab.accounts.roles import Role
from biolab.kernel.errors import TooLarge
from sessions_app.models import LabSession, TimelineEvent
from sessions_app.states import SessionStatus
from telemetry_app import stores
from telemetry_app.api.influx import WriteDoor
from telemetry_app.ingest.line_protocol import NS
from telemetry_app.instants import to_us
from telemetry_app.models import Channel, Original, Segment
from tests.factories.accounts import client_of, make_token
from tests.factories.sessions import SessionFactory, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> LabSession:
    return SessionFactory()


@pytest.fixture
def client(session: LabSession) -> APIClient:
    return client_of(make_member(session.team, Role.OPERATOR))


def ago_ns(**delta: float) -> int:
    return to_us(timezone.now() - timedelta(**delta)) * 1000


def write(
    client: APIClient,
    session: LabSession | None,
    body: str | bytes,
    *,
    path: str = "",
    headers: Any = None,
    **query: str,
) -> Any:
    if session is not None and not path:
        query = {"org": "lab", "bucket": session.public_id, **query}
    data = body.encode() if isinstance(body, str) else body
    address = f"{path or '/influx/api/v2/write'}?{urlencode(query)}"
    return client.generic("POST", address, data, content_type="text/plain; charset=utf-8", headers=headers)


def stored(session: LabSession) -> dict[str, list[float]]:
    """Return the values of each channel, by time."""
    runs = stores.current().window(session.pk, None, -(2**62), 2**62)
    named = Channel.objects.in_bulk(list(runs))
    return {named[key].name: run.values.tolist() for key, run in runs.items()}


def test_points_become_readings_of_channels_named_after_them(client: APIClient, session: LabSession) -> None:
    stamp = ago_ns(seconds=5)

    answer = write(client, session, f"tank,side=left pH=7.01,pump=t {stamp}\ntank,side=left pH=7.02 {stamp + 10**9}\n")

    assert answer.status_code == 204
    assert answer.content == b""
    assert answer["X-BioLab-Counts"] == "created=3, late=0, flagged=0, skipped=0"
    assert stored(session) == {"tank.pH,side=left": [7.01, 7.02], "tank.pump,side=left": [1.0]}
    segment = Segment.objects.get()
    assert (segment.address_kind, segment.first_at) == ("influx", stamp // 1000)
    assert not Original.objects.exists()


def test_a_repeat_is_stored_once_however_it_is_packed(client: APIClient, session: LabSession) -> None:
    body = f"m f=1 {ago_ns(seconds=5)}\nm f=2 {ago_ns(seconds=4)}"

    plain = write(client, session, body)
    packed = write(client, session, gzip.compress(body.encode()), headers={"content-encoding": "gzip"})

    assert (plain.status_code, packed.status_code) == (204, 204)
    assert plain["X-BioLab-Counts"].startswith("created=2,")
    assert packed["X-BioLab-Counts"].startswith("created=0,")
    assert Segment.objects.count() == 1


def test_the_channels_are_told_on_the_timeline(client: APIClient, session: LabSession) -> None:
    write(client, session, "m f=1,g=2")

    event = TimelineEvent.objects.get(session=session, kind="telemetry.channel.added")
    assert sorted(one["name"] for one in event.payload["channels"]) == ["m.f", "m.g"]


def test_text_is_kept_in_the_body_as_received_and_two_texts_are_two_batches(
    client: APIClient, session: LabSession
) -> None:
    stamp = ago_ns(seconds=5)
    bodies = [f'm f=1,note="{word}" {stamp}' for word in ("first", "second")]

    answers = [write(client, session, body) for body in (*bodies, bodies[0])]

    assert [answer.status_code for answer in answers] == [204, 204, 204]
    assert [answer["X-BioLab-Counts"].rpartition(", ")[2] for answer in answers] == ["skipped=1"] * 3
    originals = Original.objects.order_by("segment")
    kept = [zstandard.ZstdDecompressor().decompress(bytes(one.body)).decode() for one in originals]
    assert kept == bodies
    assert stored(session) == {"m.f": [1.0]}


def test_text_alone_is_kept_though_it_holds_no_reading(client: APIClient, session: LabSession) -> None:
    body = f'm note="only words" {ago_ns(seconds=5)}'

    first, again = write(client, session, body), write(client, session, body)

    assert (first.status_code, again.status_code) == (204, 204)
    assert Original.objects.count() == Segment.objects.count() == 1
    assert stored(session) == {}
    assert not Channel.objects.exists()
    stores.current().compact(session.pk)
    assert stores.current().summary(session.pk) == stores.current().seal(session.pk) == {}


def test_points_without_a_time_happened_now_and_every_write_counts(client: APIClient, session: LabSession) -> None:
    for _ in range(2):
        assert write(client, session, "m f=1").status_code == 204

    assert stored(session) == {"m.f": [1.0, 1.0]}


def test_late_and_flagged_readings_are_stored_and_counted(client: APIClient, session: LabSession) -> None:
    Channel.objects.create(team=session.team, name="m.f", min_value=0, max_value=10)

    answer = write(client, session, f"m f=11 {ago_ns(minutes=6)}\nm f=1 {ago_ns(seconds=1)}")

    assert answer["X-BioLab-Counts"] == "created=2, late=1, flagged=1, skipped=0"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/influx/api/v2/write", {"bucket": "{sid}"}),
        ("/influx/{sid}/api/v2/write", {"bucket": "anything", "org": "any"}),
        ("/influx/write", {"db": "{sid}", "rp": "autogen", "consistency": "one"}),
        ("/influx/{sid}/write", {}),
        ("/influx/{sid}/write/", {"db": "telegraf"}),
    ],
)
def test_the_session_is_named_by_bucket_database_or_path(
    client: APIClient, session: LabSession, path: str, query: dict[str, str]
) -> None:
    named = {name: value.format(sid=session.public_id) for name, value in query.items()}

    answer = write(client, session, "m f=1", path=path.format(sid=session.public_id), **named)

    assert answer.status_code == 204
    assert stored(session) == {"m.f": [1.0]}


@pytest.mark.parametrize(
    ("path", "precision"),
    [
        *(("/influx/api/v2/write", name) for name in ("ns", "us", "ms", "s")),
        *(("/influx/write", name) for name in ("n", "u", "m", "h")),
    ],
)
def test_times_are_read_in_the_precision_asked_for(
    client: APIClient, session: LabSession, path: str, precision: str
) -> None:
    unit_ns = NS[precision]
    stamp = ago_ns(hours=3) // unit_ns
    named = "db" if path.endswith("x/write") else "bucket"

    answer = write(client, None, f"m f=1 {stamp}", path=path, precision=precision, **{named: session.public_id})

    assert answer.status_code == 204
    assert Segment.objects.get().first_at == stamp * unit_ns // 1000


# --- who asks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["Token", "Bearer", "Basic", "query", "query alone"])
def test_a_service_token_is_taken_in_every_form_that_clients_send(session: LabSession, way: str) -> None:
    _, secret = make_token(make_member(session.team, Role.OPERATOR), scopes=["telemetry:write"])
    headers: dict[str, str] = {}
    query = {"db": session.public_id}
    if way == "Basic":
        headers["authorization"] = f"Basic {b64encode(f'anyone:{secret}'.encode()).decode()}"
    elif way.startswith("query"):
        query |= {"p": secret, **({"u": "anyone"} if way == "query" else {})}
    else:
        headers["authorization"] = f"{way} {secret}"

    answer = write(APIClient(), session, "m f=1", path="/influx/write", headers=headers, **query)

    assert answer.status_code == 204


@pytest.mark.parametrize(
    "authorization", [None, "Token bl_unknown", "Token other", "Basic !", "Digest x", "Bearer x.y.z"]
)
def test_nobody_we_know_is_unauthorized(session: LabSession, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    answer = write(APIClient(), session, "m f=1", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer["WWW-Authenticate"]
    assert not Segment.objects.exists()


def test_a_role_that_runs_nothing_and_a_scope_that_does_not_reach_are_forbidden(session: LabSession) -> None:
    observer = client_of(make_member(session.team, Role.OBSERVER))
    reader = client_of(make_member(session.team, Role.OPERATOR), scopes=["telemetry:read"])

    for client in (observer, reader):
        answer = write(client, session, 'm f=1,note="x"')
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert write(client, session, 'm note="only words"').status_code == 403

    assert not Segment.objects.exists()


def test_a_token_stops_with_its_owners_membership(client: APIClient, session: LabSession) -> None:
    assert write(client, session, "m f=1").status_code == 204
    Membership.objects.filter(team=session.team).delete()

    assert write(client, session, "m f=2").status_code == 404


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_bad_line_is_named_and_nothing_is_written(client: APIClient, session: LabSession) -> None:
    answer = write(client, session, "m f=1 1\nm f=2 2\nm f=two 3\nm f=4 4")

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "invalid",
        "message": "unable to parse 'm f=two 3': invalid boolean",
        "line": 3,
    }
    assert answer["Content-Type"] == "application/json"
    assert not Segment.objects.exists()
    assert not Channel.objects.exists()


def test_a_bad_line_tells_agents_of_version_1_too(client: APIClient, session: LabSession) -> None:
    answer = write(client, session, "m", path=f"/influx/{session.public_id}/write")

    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["message"] == "unable to parse 'm': missing fields"


@pytest.mark.parametrize("precision", ["m", "minutes", "NS"])
def test_an_unknown_precision_is_invalid(client: APIClient, session: LabSession, precision: str) -> None:
    answer = write(client, session, "m f=1 1", precision=precision)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "ns, us, ms, s" in answer.json()["message"]


def test_a_body_without_points_is_invalid(client: APIClient, session: LabSession) -> None:
    for body in ("", "# nothing"):
        answer = write(client, session, body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("bucket", ["", "telegraf", "sess_01h455vb4pex5vsknk084sn02q"])
def test_an_unknown_bucket_is_named(client: APIClient, bucket: str) -> None:
    answer = write(client, None, "m f=1", bucket=bucket)

    assert answer.status_code == 404
    assert answer.json() == {"code": "not found", "message": f'bucket not found: "{bucket}"'}


def test_the_session_of_another_team_is_not_found(client: APIClient) -> None:
    other: LabSession = SessionFactory()

    answer = write(client, None, "m f=1", path="/influx/write", db=other.public_id)

    assert answer.status_code == 404
    assert answer.json()["error"] == f'database not found: "{other.public_id}"'


@pytest.mark.parametrize("status", [SessionStatus.COMPLETED, SessionStatus.ABORTED, SessionStatus.PLANNED])
def test_a_session_that_takes_no_readings_is_not_retried_for_ever(
    client: APIClient, session: LabSession, status: SessionStatus
) -> None:
    ended = timezone.now() if status != SessionStatus.PLANNED else None
    LabSession.objects.filter(pk=session.pk).update(status=status, ended_at=ended)

    answer = write(client, session, "m f=1")
    old = write(client, session, "m f=1", path=f"/influx/{session.public_id}/write")

    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable entity")
    assert (old.status_code, old.json()["error"]) == (422, old.json()["message"])
    assert not Segment.objects.exists()


def test_too_large_a_body_is_told_before_and_after_unpacking(
    client: APIClient, session: LabSession, settings: Any
) -> None:
    settings.REQUEST_MAX_BYTES = 10_000
    bomb = gzip.compress(b"m f=1 1\n" * 100_000)
    assert len(bomb) < 10_000

    answers = [
        write(client, session, "m f=1 1\n" * 2_000),
        write(client, session, bomb, headers={"content-encoding": "gzip"}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (413, "request too large")
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("body", "coding"), [(b"m f=1", "gzip"), (gzip.compress(b"m f=1", mtime=0)[:-3], "gzip"), (b"m f=1", "br")]
)
def test_a_body_that_is_not_packed_as_it_says_is_invalid(
    client: APIClient, session: LabSession, body: bytes, coding: str
) -> None:
    answer = write(client, session, body, headers={"content-encoding": coding})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert not Segment.objects.exists()


def test_too_many_requests_say_when_again(
    client: APIClient, session: LabSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "write", "1/hour")

    answers = [write(client, session, "m f=1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 429]
    assert answers[1].json()["code"] == "too many requests"
    assert int(answers[1]["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (OperationalError("gone"), 503, "unavailable"),
        (TooLarge("Too much."), 413, "request too large"),
        (RuntimeError("a defect"), 500, "internal error"),
    ],
)
def test_failures_of_the_house_are_told_without_their_reasons(failure: Exception, status: int, code: str) -> None:
    door = WriteDoor()
    request = door.initialize_request(RequestFactory().post("/influx/api/v2/write"))

    answer = door.get_exception_handler()(failure, {"view": door, "request": request})

    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert ("Retry-After" in answer) == (status == 503)
    assert "gone" not in answer.data["message"] and "a defect" not in answer.data["message"]


def test_other_methods_are_told_in_the_same_shape(client: APIClient) -> None:
    answer = client.get("/influx/api/v2/write")

    assert (answer.status_code, answer.json()["code"]) == (405, "method not allowed")


# --- what clients ask before they write -------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/influx", "/influx/{sid}"])
def test_clients_find_a_server_that_takes_writes(session: LabSession, prefix: str) -> None:
    base, nobody = prefix.format(sid=session.public_id), APIClient()
    nobody.credentials(HTTP_AUTHORIZATION="Token wrong")

    for answer in (nobody.get(f"{base}/ping"), nobody.head(f"{base}/ping")):
        assert answer.status_code == 204
        assert answer["X-Influxdb-Version"].startswith("2.")
    assert nobody.get(f"{base}/health").json()["status"] == "pass"


def test_ready_tells_what_is_not(client: APIClient) -> None:
    answer = client.get("/influx/ready")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "beat" in answer.json()["message"]
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.parametrize("form", [True, False])
def test_agents_of_version_1_may_make_their_database_where_the_session_is(
    client: APIClient, session: LabSession, form: bool
) -> None:
    asked = f'CREATE DATABASE "{session.public_id}"'

    made = (
        client.post("/influx/query", urlencode({"q": asked}), content_type="application/x-www-form-urlencoded")
        if form
        else client.post(f"/influx/query?{urlencode({'q': asked})}")
    )
    unknown = client.post(f"/influx/query?{urlencode({'q': 'CREATE DATABASE telegraf'})}")
    other = client.post(f"/influx/query?{urlencode({'q': 'DROP DATABASE telegraf'})}")

    assert (made.status_code, made.json()) == (200, {"results": [{"statement_id": 0}]})
    assert (unknown.status_code, unknown.json()["error"]) == (404, 'database not found: "telegraf"')
    assert other.status_code == 400
