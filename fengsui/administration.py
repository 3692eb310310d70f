"""Administration from the machine itself: tokens, revocations, users, links.

Whoever may open the data folder may do this; every act is in the audit chain under the name of
the command line.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from analytics.ruleset import RuleSet
from collector.clients import Clients
from collector.enrolments import Enrolments
from collector.expiry import Looking
from collector.indicators.store import IndicatorStore
from collector.registers import description
from collector.registers.store import RegisterStore
from collector.state.alerts import Alerts
from collector.state.database import Database
from collector.state.exceptions import Exceptions
from collector.state.switches import Switches, Trial
from dashboard_api.access.access import Access
from dashboard_api.access.accounts import Accounts
from dashboard_api.audit import Act, AuditChain
from dashboard_api.grants.gateways import Gateways
from fengsui.applying import Applying, handlers_of
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder
from fengsui.gating import Gating
from fengsui.hiding import Hiding
from fengsui.keeping import Keeping
from fengsui.keyring import open_keyring
from fengsui.knowledge import Knowledge
from fengsui.probe_report import ProbeReport
from fengsui.retention import space_of
from fengsui.rulebook import Rulebook, mend
from fengsui.searching import open_index
from fengsui.settings import load
from fengsui.signing import key_room, open_signing
from schema.errors import FengsuiError
from schema.ports import Entropy
from schema.times import to_text
from schema.tombstone import Tombstone
from sensors.mask import Masker

ACTOR: Final = "command line"
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """What the commands act on."""

    enrolments: Enrolments
    clients: Clients
    gating: Gating
    access: Access
    accounts: Accounts
    audit: AuditChain
    rulebook: Rulebook
    adopt: Callable[[RuleSet], None]
    """Gives rules to the running pipeline."""
    replay: Callable[[int], None]
    replay_told: Callable[[], str]
    hiding: Hiding
    knowledge: Knowledge
    keeping: Keeping
    applying: Applying | None
    """None for a demonstration, which signs for nobody."""


@contextmanager
def opened(folder: DataFolder) -> Iterator[Administration]:
    """The administration of a folder no platform runs on."""
    clock, entropy = SystemClock(), SystemEntropy()
    keyring = open_keyring(folder, entropy)
    database = Database(folder.state)
    audit = AuditChain(database, keyring.audit, clock)
    with ExitStack() as close:
        close.callback(database.close)
        settings = load(folder.settings, os.environ)
        index = open_index(folder, settings)
        close.callback(index.close)
        mend(folder)
        rulebook = Rulebook(folder, Switches(database), clock)
        exceptions = Exceptions(database, clock)
        yield Administration(
            enrolments=Enrolments(
                database,
                segments=folder.segments,
                realm=(folder.root / "realm").read_text("ascii").strip(),
                receipt_point=keyring.receipt.public.point,
                clock=clock,
                entropy=entropy,
            ),
            clients=Clients(database, clock=clock, entropy=entropy),
            gating=Gating(
                gateways=Gateways(database, clock=clock, entropy=entropy),
                audit=audit,
                actor=ACTOR,
            ),
            access=Access(database, audit, clock=clock, entropy=entropy),
            accounts=Accounts(database, audit, clock=clock, entropy=entropy),
            audit=audit,
            rulebook=rulebook,
            adopt=lambda _: None,
            replay=_needs_platform,
            replay_told=_no_replay,
            hiding=Hiding(
                alerts=Alerts(database, exceptions=exceptions),
                exceptions=exceptions,
                rulebook=rulebook,
                audit=audit,
                actor=ACTOR,
                clock=clock,
                entropy=entropy,
            ),
            knowledge=Knowledge(
                registers=RegisterStore(
                    database, description.load(folder.root / description.OWN_FOLDER), clock=clock
                ),
                indicators=IndicatorStore(database, clock=clock),
                events=index,
                audit=audit,
                actor=ACTOR,
                mask=Masker(keyring.subject).mask,
                clock=clock,
                noted=lambda: None,
            ),
            keeping=Keeping(
                segments=folder.segments,
                database=database,
                looking=Looking(
                    folder.segments,
                    database=database,
                    periods=settings.retention.periods(),
                ),
                run=_no_expiry,
                changed=lambda: None,
                free_bytes=lambda: space_of(folder.root).free,
                audit=audit,
                actor=ACTOR,
                clock=clock,
                entropy=entropy,
            ),
            applying=None
            if folder.is_demonstration()
            else Applying(
                signing=open_signing(
                    database,
                    audit,
                    key_room(folder, settings.crypto, clock, entropy),
                    clock=clock,
                    entropy=entropy,
                    crypto=settings.crypto,
                ),
                audit=audit,
                actor=ACTOR,
                clock=clock,
            ),
        )
        audit.close()


def _needs_platform(_: int) -> None:
    raise FengsuiError(
        "fengsui.replay.stopped",
        "a replay writes revisions of alerts: start the platform with `fengsui up` first",
    )


def _no_expiry(_by: str, _seconds: float) -> Sequence[Tombstone]:
    raise FengsuiError(
        "fengsui.retention.stopped",
        "an expiry is sealed in the control log: start the platform with `fengsui up` first, or "
        "look with --dry-run",
    )


def _no_replay() -> str:
    raise FengsuiError(
        "fengsui.replay.stopped",
        "no platform runs any more, and the replay was not seen through: start it with "
        "`fengsui up` and replay again",
    )


def new_token(entropy: Entropy) -> str:
    """A token nobody can guess, fit for a URL."""
    return base64.urlsafe_b64encode(entropy.take(_TOKEN_BYTES)).decode().rstrip("=")


def _told(token: str) -> str:
    """A link where no platform runs to say its address."""
    return (
        f"#token={token}\n启动平台后，把上面一行接在页面地址之后打开，十分钟内一次有效 · start the "
        "platform and open its address with this line behind it, once, within ten minutes"
    )


def handlers(
    administration: Administration, login_url: Callable[[str], str] = _told
) -> dict[str, Callable[[Mapping[str, str]], str]]:
    """The local commands; ``login_url`` turns a link token into what a person opens."""

    def sensor_token(arguments: Mapping[str, str]) -> str:
        name, unit = arguments["name"], arguments["unit"]
        with administration.audit.around(Act(ACTOR, "sensor.token", name)):
            return administration.enrolments.issue_token(name, unit)

    def sensor_revoke(arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with administration.audit.around(Act(ACTOR, "sensor.revoke", name)):
            administration.enrolments.revoke(name)
        return f"{name} is revoked: its batches are refused from now on"

    def sensor_list(_: Mapping[str, str]) -> str:
        return "\n".join(
            f"{one.sensor:24} {one.unit:16} {one.status:8} enrolment {one.number} key "
            f"{one.key.key_id}"
            for one in administration.enrolments.all()
        )

    def client_add(arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with administration.audit.around(Act(ACTOR, "client.add", name)):
            return administration.clients.add(name, arguments["unit"])

    def user_link(arguments: Mapping[str, str]) -> str:
        return login_url(administration.access.issue_link(arguments["name"], actor=ACTOR))

    def user_list(_: Mapping[str, str]) -> str:
        return "\n".join(
            f"{user.name:24} {', '.join(sorted(user.roles)):16} "
            f"{'已关闭 closed' if user.disabled_at is not None else ''}".rstrip()
            for user in administration.accounts.everyone()
        )

    def changed(text: str) -> str:
        rules = administration.rulebook.reload()
        administration.adopt(rules)
        return f"{text}; {len(rules.rules)} rules are in force"

    def rule_switch(arguments: Mapping[str, str]) -> str:
        rule, enabled = arguments["rule"], arguments["enabled"] == "1"
        with administration.audit.around(Act(ACTOR, "rule.on" if enabled else "rule.off", rule)):
            administration.rulebook.switch(
                rule, enabled=enabled, by=ACTOR, reason=arguments["reason"]
            )
        return changed(f"{rule} is {'on' if enabled else 'off'}")

    def rule_tree(arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        with administration.audit.around(Act(ACTOR, "rule.import", name)):
            administration.rulebook.take_tree(Path(arguments["path"]), name)
        return changed(f"tree {name} is imported, every rule of it off")

    def rule_reload(_: Mapping[str, str]) -> str:
        with administration.audit.around(Act(ACTOR, "rule.reload", "rules")):
            administration.rulebook.forget()
            return changed("read again")

    def rule_replay(arguments: Mapping[str, str]) -> str:
        since = int(arguments["since"])
        with administration.audit.around(Act(ACTOR, "rule.replay", to_text(since))):
            administration.replay(since)
        return administration.replay_told()

    def rule_tried(arguments: Mapping[str, str]) -> str:
        trial = msgspec.json.decode(arguments["trial"], type=Trial)
        with administration.audit.around(Act(ACTOR, "rule.trial", trial.rule_id)):
            administration.rulebook.switches.tried(trial)
        return trial.rule_id

    return {
        "rule-switch": rule_switch,
        "rule-tree": rule_tree,
        "rule-reload": rule_reload,
        "rule-tried": rule_tried,
        "rule-replay": rule_replay,
        "rule-replay-told": lambda _: administration.replay_told(),
        "sensor-token": sensor_token,
        "sensor-revoke": sensor_revoke,
        "sensor-list": sensor_list,
        "client-add": client_add,
        **administration.gating.handlers(),
        "user-link": user_link,
        "user-list": user_list,
        **administration.hiding.handlers(),
        **administration.knowledge.handlers(),
        **ProbeReport(
            events=administration.knowledge.events,
            view=administration.knowledge.registers.view,
            clock=administration.knowledge.clock,
        ).handlers(),
        **administration.keeping.handlers(),
        **handlers_of(administration.applying),
    }
