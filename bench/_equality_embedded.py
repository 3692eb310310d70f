"""The embedded form of ``bench equality``: the engine in one process."""

from __future__ import annotations

from analytics.engine import Engine, Output
from analytics.streaming.artefacts import Library, rows_from_bytes
from bench._equality_feed import Feed, Shelf, in_order
from fengsui.training import ChildTrainer
from schema import feed
from schema.alert import Alert


class Standing:
    """The alerts that stand after what was told of them."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.revised = self.withdrawn = self.missed = 0

    def take(self, alerts: list[Alert]) -> None:
        """Take what is new of alerts, in order."""
        for alert in alerts:
            if alert.state == "withdrawn":
                self.withdrawn += self.alerts.pop(alert.id, None) is not None
            elif alert.state == "final":
                self.revised += alert.id in self.alerts
                self.alerts[alert.id] = alert


class Player:
    """Drives an engine as the messages of a feed say."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._library = Library(shelf)
        self._engine: Engine | None = None
        self._trainer = ChildTrainer()
        self.standing = Standing()

    def play(self, message: feed.Message) -> None:
        """Do what one message says."""
        engine, library = self._engine, self._library
        if engine is None:
            assert isinstance(message, feed.Adopt)
            # The first rules are in force from the beginning.
            self._engine = Engine(library.rules(message.artefact), required=())
            return
        match message:
            case feed.Taken():
                assert (message.part, message.more) == (0, False), "the engine takes whole ones"
                engine.feed(feed.accepted(message))
                self._step(engine.advance())
            case feed.Beat():
                engine.heartbeat(message.sensor, message.low_watermark)
                self._step(engine.advance())
            case feed.Require():
                engine.require(message.sensor, message.since)
            case feed.Release():
                engine.release(message.sensor)
            case feed.Exclude():
                engine.exclude(message.sensor)
            case feed.Readmit():
                engine.readmit(message.sensor, message.since)
            case feed.Adopt():
                engine.adopt(library.rules(message.artefact), message.since)
            case feed.Watch():
                rows = rows_from_bytes(self._shelf.get(message.artefact))
                engine.watch(message.register, rows, message.effective_at)
            case feed.Know():
                engine.know(library.facts(message.artefact))
            case feed.End():
                self._step(engine.finish())

    def _step(self, output: Output) -> None:
        engine = self._engine
        assert engine is not None
        while True:
            self.standing.take(list(output.alerts))
            self.standing.missed += sum(one.events for one in output.missed)
            if not output.training:
                return
            for request in output.training:
                engine.install(self._trainer.train(request))
            output = engine.finish() if output.watermark >= 2**61 else engine.advance()


def run(given: Feed) -> Standing:
    """The alerts of the whole feed."""
    player = Player(Shelf(given.artefacts))
    for message in in_order(given.accepted):
        player.play(message)
    return player.standing
