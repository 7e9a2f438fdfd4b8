"""People and tokens of a running server, made through its public doors."""

from __future__ import annotations

from typing import Any

import requests

from tests.faults.house import ADMIN, PASSWORD


def sign_in(url: str, email: str = ADMIN, password: str = PASSWORD) -> dict[str, Any]:
    """Return the answer of the sign-in."""
    answer = requests.post(f"{url}/api/v1/auth/login", json={"email": email, "password": password}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def bearer(access: str) -> dict[str, str]:
    """Return the header that shows the token."""
    return {"Authorization": f"Bearer {access}"}


def service_token(url: str, access: str, **wish: Any) -> dict[str, Any]:
    """Return a new service token's answer; its ``token`` is the secret."""
    sent = {"name": "bench script", **wish}
    answer = requests.post(f"{url}/api/v1/tokens", json=sent, headers=bearer(access), timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()


def person(url: str, access: str, name: str, role: str = "operator") -> dict[str, Any]:
    """Make a person in no team and return their sign-in."""
    sent = {"email": f"{name}@lab.example", "username": name, "password": PASSWORD, "role": role}
    answer = requests.post(f"{url}/api/v1/users", json=sent, headers=bearer(access), timeout=30)
    assert answer.status_code == 201, answer.text
    return sign_in(url, sent["email"])
