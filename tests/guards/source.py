"""The house's own source, parsed once for every guard."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("biolab", "sessions_app", "telemetry_app", "governance_app", "exports_app")


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the house but migrations, by its path from the root."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                found[str(path.relative_to(ROOT))] = ast.parse(path.read_text(), filename=str(path))
    return found


@cache
def house_tests() -> dict[str, ast.Module]:
    """Return every test module, by its path from the root."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(), filename=str(path))
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
    }


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return a tree's nodes; walking the whole house takes longer than any guard."""
    return tuple(ast.walk(tree))


@cache
def calls(tree: ast.AST) -> tuple[tuple[str, ast.Call], ...]:
    """Return every call as (dotted name of what is called, the call)."""
    return tuple((dotted(node.func), node) for node in nodes(tree) if isinstance(node, ast.Call))


@cache
def words() -> frozenset[str]:
    """Return every word that stands in a module of the house."""
    return frozenset(word for path in modules() for word in re.findall(r"\w+", (ROOT / path).read_text()))


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for an attribute chain; calls in between show as ``()``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return "…"
