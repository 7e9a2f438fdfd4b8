"""The style of the house, read from its source: one pen, one lock, and nothing of what it never does."""

import ast
import re

import pytest

from tests.guards.source import ROOT, calls, dotted, house_tests, modules, nodes

MODULE_BUDGET = 300
OVER_BUDGET: dict[str, str] = {
    "exports_app/archive/verify.py": "ships inside every archive, as one file",
}

LOCKS_ALLOWED = {
    "sessions_app/models/protocol.py": "hold() of a protocol: a parent row, taken before any session",
    "governance_app/models/template.py": "hold() of a template key: a parent row, taken before any session",
    "telemetry_app/services/channels.py": "one channel whose limits change",
    "telemetry_app/stores/segments.py": "the latest readings of a batch's channels, under a session held to share",
    "sessions_app/models/equipment.py": "hold() of equipment: parent rows, taken before any session",
    "sessions_app/models/notebook.py": "hold() of a notebook entry of no session; one of a session is held by it",
    "sessions_app/models/session.py": "hold() and the exclusive hold of an ending session",
    "exports_app/models/deck.py": "held(): one deck whose state changes",
    "biolab/kernel/api/idempotency.py": "one row for one Idempotency-Key, taken before any session is held",
    "biolab/kernel/security.py": "the head of the security log, which has no session",
    "biolab/accounts/services/codes.py": "one person whose device changes, or the device whose code is taken",
    "governance_app/services/calendars.py": "one team whose working hours change",
    "biolab/accounts/services/desk.py": "one person whose place at the desk changes",
    "biolab/accounts/services/people.py": "one person, and the administrators of whom one must stay",
    "biolab/accounts/services/sign_in.py": "one family of refresh tokens",
    "biolab/accounts/services/teams.py": "one team, whose last owner must stay",
    "biolab/accounts/services/tokens.py": "one service token",
}
SHARED_LOCKS = re.compile(r"FOR\s+(NO\s+KEY\s+)?(UPDATE|KEY\s+SHARE|SHARE)", re.IGNORECASE)
PEN = re.compile(r"(\w+\.)*TimelineEvent(\.objects\.(create|bulk_create|get_or_create|update_or_create))?")
DOORS = re.compile(r"(^|/)(api/|pages\.py|pages/|consumers\.py|admin\.py|admin/)")
CLOCKS_ALLOWED = {"sessions_app/timeline.py": "created_at, the server's own time beside the given occurred_at"}
BELOW_DOORS = re.compile(r"(^|/)(services/|services\.py|models/|models\.py|selectors|policies|timeline\.py|states\.py)")


def test_only_the_timeline_writes_history() -> None:
    pens = {
        path
        for path, tree in modules().items()
        for name, _ in calls(tree)
        if re.fullmatch(
            r"(\w+\.)*TimelineEvent(\.objects)?(\.(create|bulk_create|get_or_create|update_or_create))?", name
        )
        and name.endswith(("TimelineEvent", "create"))
    }

    assert pens == {"sessions_app/timeline.py"}


def test_only_the_allowed_places_take_row_locks() -> None:
    takers = {
        path for path, tree in modules().items() for name, _ in calls(tree) if name.endswith(".select_for_update")
    }

    assert takers - LOCKS_ALLOWED.keys() == set()
    assert LOCKS_ALLOWED.keys() - takers == set(), "an allowance nobody uses is out of date"


def test_modules_stay_within_their_budget() -> None:
    long = {path: lines for path in modules() if (lines := len((ROOT / path).read_text().splitlines())) > MODULE_BUDGET}

    assert long.keys() == OVER_BUDGET.keys()


def _handlers(tree: ast.Module) -> list[ast.ExceptHandler]:
    return [node for node in nodes(tree) if isinstance(node, ast.ExceptHandler)]


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{path}:{handler.lineno}"
        for path, tree in modules().items()
        for handler in _handlers(tree)
        if (handler.type is None or dotted(handler.type) in {"Exception", "BaseException"})
        and all(isinstance(line, ast.Pass) for line in handler.body)
    ]

    assert swallowed == []


@pytest.mark.parametrize(
    "forbidden", ["post_save", "pre_save", "GenericForeignKey", "post_delete", "m2m_changed", "delay_on_commit"]
)
def test_forbidden_names_are_used_nowhere(forbidden: str) -> None:
    users = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in nodes(tree)
        if (isinstance(node, ast.Name) and node.id == forbidden)
        or (isinstance(node, ast.Attribute) and node.attr == forbidden)
        or (isinstance(node, ast.ImportFrom) and any(alias.name == forbidden for alias in node.names))
    ]

    assert users == []


def test_no_model_overrides_save() -> None:
    overriding = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if "/models" in path
        for owner in nodes(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and node.name == "save"
    ]

    assert overriding == []


def test_nothing_says_all_fields() -> None:
    saying = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        for node in nodes(tree)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "fields" for target in node.targets)
        and isinstance(node.value, ast.Constant)
        and node.value.value == "__all__"
    ]

    assert saying == []


def test_no_clock_is_read_below_a_door() -> None:
    readers = {
        path
        for path, tree in modules().items()
        if BELOW_DOORS.search(path) and not DOORS.search(path)
        for name, _ in calls(tree)
        if name in {"timezone.now", "datetime.now", "datetime.utcnow", "time.time"}
    }

    assert readers == CLOCKS_ALLOWED.keys()


def test_jobs_are_rung_only_after_the_commit() -> None:
    ringing = [
        f"{path}:{call.lineno}"
        for path, tree in modules().items()
        for name, call in calls(tree)
        if name.endswith((".delay", ".apply_async"))
    ]

    assert ringing == []


def test_services_do_not_import_tasks() -> None:
    importing = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if re.search(r"/services(/|\.py)", path)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("tasks")
    ]

    assert importing == []


def test_only_settings_read_the_environment() -> None:
    allowed = {"biolab/settings/env.py", "biolab/services_here.py"}
    readers = {
        path
        for path, tree in modules().items()
        for node in nodes(tree)
        if (isinstance(node, ast.Attribute) and dotted(node) == "os.environ" and not _sets_default(tree, node))
        or (isinstance(node, ast.Call) and dotted(node.func) == "os.getenv")
    }

    assert readers - allowed == set()


def _sets_default(tree: ast.Module, node: ast.Attribute) -> bool:
    """Return whether the only use is naming the default settings module."""
    return any(
        name == "os.environ.setdefault"
        and isinstance(call.func, ast.Attribute)
        and call.func.value is node
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == "DJANGO_SETTINGS_MODULE"
        for name, call in calls(tree)
    )


def test_every_module_says_what_it_is() -> None:
    silent = [path for path, tree in modules().items() if tree.body and not ast.get_docstring(tree)]

    assert silent == []


def test_test_names_are_sentences() -> None:
    short = [
        f"{path}:{node.name}"
        for path, tree in house_tests().items()
        for node in nodes(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and node.name.count("_") < 3
    ]

    assert short == []


def test_no_test_mocks_our_own_code() -> None:
    mocking = [
        f"{path}:{node.lineno}"
        for path, tree in house_tests().items()
        for node in nodes(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest.mock"))
        or (
            isinstance(node, ast.Import)
            and any(alias.name.startswith(("unittest.mock", "mock")) for alias in node.names)
        )
    ]

    assert mocking == []


def test_tests_ask_one_place_for_programs_of_this_machine() -> None:
    """Only there a missing one fails where nothing may be missing."""
    seekers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        for name, _ in calls(ast.parse(path.read_text()))
        if name == "shutil.which"
    }

    assert seekers == {"tests/services.py", "tests/browser/conftest.py"}
