"""Publishers of numbers at QoS 1: each number once, at an even pace, through lost connections."""

from __future__ import annotations

import threading
from types import TracebackType

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_STEPS_PER_SECOND = 20
# A broker that writes its whole queue at every change may be slow on a busy machine.
_PATIENCE_S = 600.0


class NumberPublisher:
    """Publishes 0, 1, 2, … on one topic from a thread of its own, until it is told to stop.

    A number counts as published once the broker has acknowledged it; paho sends again what was
    not acknowledged when a connection broke.
    """

    def __init__(
        self, port: int, topic: str, *, per_second: float, login: tuple[str, str] | None = None
    ) -> None:
        self.topic = topic
        self._per_second = per_second
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=topic.replace("/", "-"), clean_session=False
        )
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(100)
        self._client.connect("127.0.0.1", port)
        self._client.on_publish = self._on_publish
        self._sent = 0
        self._taken = 0
        self._all_taken = threading.Condition()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"publish {topic}", daemon=True)

    def __enter__(self) -> NumberPublisher:
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_ending.set()
        self._thread.join(_PATIENCE_S)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def sent(self) -> int:
        """How many numbers it has begun to publish."""
        return self._sent

    def finish(self) -> int:
        """Stop, and wait for the broker's acknowledgements; so many numbers were published."""
        self._is_ending.set()
        self._thread.join(_PATIENCE_S)
        with self._all_taken:
            is_done = self._all_taken.wait_for(lambda: self._taken >= self._sent, _PATIENCE_S)
        assert is_done, f"the broker took {self._taken} of {self._sent} messages of {self.topic}"
        return self._sent

    def _run(self) -> None:
        due = 0.0
        while not self._is_ending.wait(1 / _STEPS_PER_SECOND):
            due += self._per_second / _STEPS_PER_SECOND
            while self.sent < due:
                # Without a connection paho keeps it and sends it later, whatever it answers.
                self._client.publish(self.topic, str(self._sent), qos=1)
                self._sent += 1

    def _on_publish(
        self,
        client: Client,
        userdata: object,
        packet_id: int,
        reason: ReasonCode,
        properties: Properties,
    ) -> None:
        with self._all_taken:
            self._taken += 1
            self._all_taken.notify_all()
