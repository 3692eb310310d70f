"""A site and several people in front of it, each in a browser of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conftest import RunningPlatform
from playwright.sync_api import Browser, BrowserContext, Page, expect

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SMALL = {"width": 1366, "height": 768}
WIDE = {"width": 1920, "height": 1080}
PATIENCE_MS = 30_000
SPILLS = """() => {
  const found = []
  for (const cell of document.querySelectorAll('dialog td, dialog th')) {
    if (cell.innerText.trim() === '') continue
    const range = document.createRange()
    range.selectNodeContents(cell)
    const [text, box] = [range.getBoundingClientRect(), cell.getBoundingClientRect()]
    if (text.right > box.right + 1 || text.left < box.left - 1) found.push(cell.innerText)
  }
  const body = document.querySelector('dialog .body')
  if (body.scrollWidth > body.clientWidth) found.push('the drawer scrolls sideways')
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways')
  return found
}"""
"""Cells whose text leaves them, and what scrolls sideways."""

OpenAs = Callable[..., Page]


@dataclass(frozen=True)
class Peopled:
    """A running site, and who is signed in to it."""

    running: RunningPlatform
    people: dict[str, BrowserContext]

    def say(self, *words: str) -> str:
        """A command of the operator's."""
        command = [sys.executable, "-m", "fengsui", *words, "--data", str(self.running.data)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ask(self, person: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """A request in somebody's name."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.running.base))
        answer = self.people[person].request.fetch(
            self.running.base + path, method=method, data=body, params=query,
            headers={"Origin": origin},
        )  # fmt: skip
        assert answer.ok, answer.text()
        return answer.json()

    def enter(self, browser: Browser, account: str, person: str) -> None:
        """Sign an account in by its link."""
        context = browser.new_context(viewport=SMALL)  # type: ignore[arg-type] # as in test_page
        page = context.new_page()
        fragment = self.say("user", "link", account).strip().split("#", 1)[1]
        page.goto(f"{self.running.base}#{fragment}")
        page.get_by_role("button", name="稍后").click()
        expect(page.get_by_role("navigation")).to_be_visible()
        page.close()
        self.people[person] = context

    @contextmanager
    def opening(self, browser: Browser) -> Iterator[OpenAs]:
        """Opens the console as somebody; no page may log an error or ask another host."""
        asked: list[str] = []
        errors: list[str] = []
        contexts = []

        def open_one(
            person: str, *, viewport: dict[str, int] = SMALL, theme: str = "", language: str = ""
        ) -> Page:
            context = browser.new_context(
                viewport=viewport, storage_state=self.people[person].storage_state()
            )  # type: ignore[arg-type] # as in test_page
            contexts.append(context)
            for name, value in (("theme", theme), ("language", language)):
                if value:
                    context.add_init_script(f"localStorage.setItem('fengsui.{name}', '{value}')")
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(self.running.base)
            expect(page.get_by_role("navigation")).to_be_visible()
            return page

        yield open_one
        for context in contexts:
            context.close()
        assert {urlsplit(url).netloc for url in asked} <= {urlsplit(self.running.base).netloc}
        assert errors == []


def violations(page: Page) -> list[str]:
    """What the accessibility engine finds; nothing where it is not installed."""
    if not AXE.exists():
        return []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then((result) => result.violations)")
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]
