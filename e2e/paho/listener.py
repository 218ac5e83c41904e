"""What the scripts have in common: a client that keeps what it receives, and waits with a deadline."""

import json
import sys
import threading

import paho.mqtt.client as mqtt

PORT = int(sys.argv[1])
VERSION = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5": mqtt.MQTTv5}[sys.argv[2]]
TOPIC = sys.argv[3]
TRANSPORT = sys.argv[4]
DEADLINE = 20


class Client:
    """A connected client; `expiry` keeps its session in MQTT 5, `clean` says so before. `connect` and `will_properties` are more properties."""

    def __init__(self, name, clean=True, will=None, expiry=0, connect=None, will_properties=None):
        self.messages = []
        self._changed = threading.Condition()
        self._events = {}
        v5 = VERSION == mqtt.MQTTv5
        # Short enough for MQTT 3.1.
        args = {} if v5 else {"clean_session": clean}
        self.client = mqtt.Client(client_id=f"{name}{TOPIC[-12:]}", protocol=VERSION, transport=TRANSPORT, **args)
        self.client.on_message = lambda _c, _u, message: self._put("message", message)
        self.client.on_connect = lambda _c, _u, flags, rc, *_rest: self._put("connect", (flags, int(getattr(rc, "value", rc))))
        self.client.on_subscribe = lambda _c, _u, mid, granted, *_rest: self._put("subscribe", [int(getattr(g, "value", g)) for g in granted])
        self.client.on_publish = lambda _c, _u, mid: self._put("publish", mid)
        self.client.on_unsubscribe = lambda *args: self._put("unsubscribe", [int(each.value) for each in args[4]] if len(args) > 4 and isinstance(args[4], list) else int(getattr(args[-1], "value", 0)))
        self.client.on_disconnect = lambda _c, _u, rc, *_rest: self._put("disconnect", int(getattr(rc, "value", rc)))
        if will is not None:
            self.client.will_set(TOPIC + "/will", will, qos=1, properties=will_properties)
        options = {}
        if v5:
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties

            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
            for key, value in (connect or {}).items():
                setattr(properties, key, value)
            options = {"clean_start": clean, "properties": properties}
        self.client.connect("127.0.0.1", PORT, 30, **options)
        self.client.loop_start()
        self.flags, self.code = self.wait("connect", 1)[0]

    def _put(self, kind, value):
        with self._changed:
            self._events.setdefault(kind, []).append(value)
            self._changed.notify_all()

    def wait(self, kind, count):
        """The first `count` events of a kind, once there are so many."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._events.get(kind, [])) >= count, DEADLINE):
                sys.exit(f"{count} of {kind} did not come, {len(self._events.get(kind, []))} did")
            return self._events[kind][:count]

    def subscribe(self, *topics, qos=2, options=None):
        """Subscribes and gives the granted codes."""
        before = len(self._events.get("subscribe", []))
        for topic in topics:
            self.client.subscribe(topic, **(options or {"qos": qos}))
        granted = self.wait("subscribe", before + len(topics))[before:]
        return [code for codes in granted for code in codes]

    def publish(self, topic, payload, **options):
        """Publishes and waits until the broker has the message."""
        info = self.client.publish(topic, payload, **options)
        info.wait_for_publish()

    def leave(self):
        """Takes leave and waits for the end."""
        self.client.disconnect()
        self.wait("disconnect", 1)
        self.client.loop_stop()

    def break_off(self):
        """Ends the connection without taking leave."""
        self.client.on_disconnect = None
        self.client.loop_stop()
        self.client.socket().close()


def tell(**facts):
    """The script's result."""
    print(json.dumps(facts))
