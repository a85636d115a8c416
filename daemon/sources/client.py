"""paho's client as the settings want it, and what MQTT 5 lets us wish for. Used by `link` only."""

from __future__ import annotations

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from daemon.messages import Subscription
from daemon.sources.narrow import NarrowStream
from daemon.sources.settings import HEAD_BYTES, LinkSettings


class NarrowClient(Client):
    """paho, with a stream that lets nothing above a bound through."""

    largest_bytes = 0
    stream: NarrowStream | None = None

    def _create_socket(self) -> NarrowStream:
        # paho has no other place for it: its callbacks get the socket, and cannot replace it.
        self.stream = NarrowStream(super()._create_socket(), self.largest_bytes, HEAD_BYTES)
        return self.stream


def make_client(settings: LinkSettings) -> NarrowClient:
    """A client that is not connected and has no callbacks yet."""
    is_version_5 = settings.is_version_5
    client = NarrowClient(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        # MQTT 5 has its own flag, given with connect().
        clean_session=None if is_version_5 else settings.is_passing,
        protocol=MQTTProtocolVersion.MQTTv5 if is_version_5 else MQTTProtocolVersion.MQTTv311,
        transport="tcp" if settings.websocket_path is None else "websockets",
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if settings.websocket_path is not None:
        client.ws_set_options(settings.websocket_path)
    client.largest_bytes = settings.whole_packet_bytes
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls is not None:
        client.tls_set_context(settings.tls)
    if settings.will is not None:
        will = settings.will
        client.will_set(will.topic, will.payload.encode(), qos=1, retain=will.is_retained)
    return client


def session_wishes(settings: LinkSettings) -> Properties:
    """What an MQTT 5 CONNECT asks for."""
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = settings.session_s
    wishes.ReceiveMaximum = settings.receive_maximum
    if settings.max_packet_bytes:
        wishes.MaximumPacketSize = settings.max_packet_bytes
    return wishes


def parting_wishes(settings: LinkSettings) -> Properties | None:
    """What DISCONNECT asks for; None: nothing."""
    if not (settings.is_version_5 and settings.is_passing):
        return None
    # Else the broker keeps the session, and messages for it, for as long as CONNECT said.
    wishes = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = 0
    return wishes


def subscribe_options(wanted: Subscription) -> SubscribeOptions:
    """MQTT 5's options of a subscription."""
    return SubscribeOptions(qos=wanted.qos, retainHandling=int(wanted.retain_handling))


def identified(identifier: int | None) -> Properties | None:
    """What gives an MQTT 5 SUBSCRIBE this identifier; None: it has none."""
    if identifier is None:
        return None
    properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
    properties.SubscriptionIdentifier = identifier
    return properties
