"""Run the loop of ``browser_loop.js`` in a signed-in page of a real browser.

python browser_loop.py CHROMIUM '{"url": …, "email": …, "password": …, "token": …, "tokenId": …, "team": …}'
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def main(chromium: str, given: dict[str, str]) -> str:
    """Return what the loop returns."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(base_url=given["url"])
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(given["email"])
        page.get_by_label("Password").fill(given["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        found: str = page.evaluate(Path(__file__).with_suffix(".js").read_text(), given)
        browser.close()
        return found


if __name__ == "__main__":
    print(main(sys.argv[1], json.loads(sys.argv[2])))
