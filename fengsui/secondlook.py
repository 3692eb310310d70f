"""Second look: judges again what came too late, and replays history under the rules in force.

It reads the log beside the pipeline and stores revisions of alerts that nothing else can change
any more; what it did is sealed in the control log.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from analytics import reevaluation, replay
from analytics.judge import Judge
from analytics.reevaluation import Scope
from analytics.ruleset import RuleSet
from collector.control import ControlLog
from collector.history import History
from collector.state.alerts import Alerts
from collector.state.missed import MissedTable
from fengsui import trials
from fengsui.rulebook import Rulebook
from fengsui.trials import Known
from schema.alert import Alert
from schema.coverage import Missed
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import SECOND, to_text

_logger = logging.getLogger(__name__)

QUIET_US: Final = 10 * SECOND
"""A backlog is over when nothing more came too late for so long: it is judged in one look."""

EVERY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look changed."""

    events: int
    added: int
    changed: int
    withdrawn: int
    left: int = 0
    """Rules that look back further than the log: their alerts stand as they did."""

    def told(self) -> str:
        """For people."""
        left = (
            f"；{self.left} 条规则回看超出日志，维持原状 rules look back too far, left as they are"
            if self.left
            else ""
        )
        return (
            f"重放 {self.events} 条日志 events: 新增 added {self.added}, 修订 changed "
            f"{self.changed}, 撤回 withdrawn {self.withdrawn}{left}"
        )


class SecondLook:
    """Judges again, in the caller's thread or in one of its own after :meth:`start`."""

    def __init__(
        self,
        *,
        stored: History,
        alerts: Alerts,
        missed: MissedTable,
        rulebook: Rulebook,
        engine: Judge,
        control: ControlLog,
        pace: Clock,
        known: Known,
    ) -> None:
        self._stored = stored
        self._alerts = alerts
        self._missed = missed
        self._rulebook = rulebook
        self._engine = engine
        self._control = control
        self._pace = pace
        self._known = known
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking = threading.Lock()
        self._asked: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._told = ""
        self._failed = ""
        self._early: dict[Missed, None] = {}
        """Looked at once already, while their windows were still open."""

    def ask(self, since: int) -> None:
        """Have everything from that time on replayed by the thread; from any thread."""
        self._failed, self._told = "", "正在重放 · replaying"
        self._asked.put(since)

    def told(self) -> str:
        """How the replay that was asked for stands, for people; raises ``fengsui.replay.failed``.

        From any thread.
        """
        if self._failed:
            raise FengsuiError("fengsui.replay.failed", f"the replay failed: {self._failed}")
        return self._told

    def start(self) -> None:
        """Look every few seconds until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="second-look", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the look that is under way, and take no other: what it was for still waits."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._answer()
            try:
                self.look()
            except Exception:
                # The outermost loop of the thread. The rows wait; the next look takes them.
                if not self._stop.is_set():
                    _logger.exception("a second look failed")

    def _answer(self) -> None:
        """Do the replays that were asked for."""
        while not self._asked.empty() and not self._stop.is_set():
            try:
                self._told = self.replay(self._asked.get()).told()
            except Exception as error:
                # The outermost loop of the thread: told to whoever asked.
                self._failed = str(error) or type(error).__name__
                _logger.exception("a replay failed")

    def look(self) -> Looked | None:
        """Judge again what waits, once its backlog is over; None where nothing does."""
        waiting = self._missed.waiting(self._pace.now() - QUIET_US)
        settled, rules = self._engine.settled, self._rulebook.current
        reach = {rule.id: rule.pattern.retention_us + rule.suppression_us for rule in rules.rules}
        closed = [one for one in waiting if one.last_at + reach.get(one.rule_id, 0) < settled]
        fresh = [one for one in waiting if one not in self._early]
        kept = self._kept([*closed, *fresh], rules)
        chosen = [one for one in dict.fromkeys([*closed, *fresh]) if one in kept]
        if not chosen and not closed:
            return None
        scope = reevaluation.scope_of(chosen, rules)
        revised: list[Alert] = []
        looked = Looked(events=0, added=0, changed=0, withdrawn=0)
        if scope is not None:
            looked, revised = self._judge(scope, "came too late and was judged again")
        counted = Counter((alert.rule_id, alert.entity) for alert in revised)
        self._missed.looked(closed, self._pace.now(), dict(counted))
        gone = set(closed)
        self._early = {one: None for one in waiting if one not in gone}
        return looked

    def _kept(self, rows: Sequence[Missed], rules: RuleSet) -> set[Missed]:
        """Rows whose events are all still here; the others are not judged by what is left."""
        gone_to = max(self._stored.expired_to().values(), default=None)
        if gone_to is None:
            return set(rows)
        reach = replay.reach_us(rules)
        kept = {one for one in rows if one.first_at - reach > gone_to}
        for one in set(rows) - kept:
            _logger.warning(
                "what came too late is not judged again: events of its time have expired",
                extra={"rule": one.rule_id, "since": to_text(one.first_at)},
            )
        return kept

    def replay(self, since: int, rules: RuleSet | None = None) -> Looked:
        """Judge everything from that time on by the rules in force; revisions are stored.

        Alerts of rules that look back further than the log are left as they stand. Raises
        ``fengsui.replay.expired`` where events that every rule would need are gone.
        """
        wanted = rules or self._rulebook.current
        scope = Scope(rules=trials.within(self._stored, wanted, since), entities=None, since=since)
        looked, _ = self._judge(scope, "replayed under the rules in force")
        return replace(looked, left=len(wanted.rules) - len(scope.rules.rules))

    def _judge(self, scope: Scope, reason: str) -> tuple[Looked, list[Alert]]:
        with self._looking:
            until = self._engine.settled
            found = trials.find(
                self._stored,
                scope.rules,
                scope.since,
                watched=scope.entities,
                known=self._known,
                stopped=self._stop.is_set,
            )
            now = [alert for alert in found.alerts if reevaluation.holds(scope, alert, until)]
            standing = self._alerts.decided(scope.since, until)
            before = [alert for alert in standing if reevaluation.holds(scope, alert, until)]
            revised = reevaluation.revisions(now, before)
            self._alerts.commit(
                revised, (), snapshot={}, received_at=self._pace.now(), reason=reason
            )
        known = {alert.id for alert in before}
        looked = Looked(
            events=found.events,
            added=sum(alert.id not in known for alert in revised),
            changed=sum(alert.id in known and alert.state == "final" for alert in revised),
            withdrawn=sum(alert.state == "withdrawn" for alert in revised),
        )
        self._control.add(
            "rules_replayed",
            digest=scope.rules.digest,
            events=len(revised),
            reason=reason,
            message=f"{looked.added} alerts added, {looked.changed} changed, "
            f"{looked.withdrawn} withdrawn from {to_text(scope.since)} on",
        )
        return looked, revised
