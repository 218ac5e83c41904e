"""MQTT 5: subscription options, aliases, receive maximum, a delayed will, reason codes."""

from listener import TOPIC, Client, tell
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions


def texts(client, count):
    return [message.payload.decode() for message in client.wait("message", count)]


pub = Client("p")
kept = TOPIC + "/kept"
pub.publish(kept, "before", qos=1, retain=True)

# No Local, Retain As Published, Retain Handling.
local = Client("l")
local.subscribe(TOPIC + "/local", options={"options": SubscribeOptions(qos=1, noLocal=True)})
local.publish(TOPIC + "/local", "own", qos=1)
pub.publish(TOPIC + "/local", "foreign", qos=1)
asis = Client("a")
handling = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
asis.subscribe(kept, options={"options": handling})
pub.publish(kept, "live", qos=1, retain=True)
(live,) = asis.wait("message", 1)

# Aliases: ours to the broker, and the broker's to us, which Paho leaves to us to look up.
aliased = Client("t", connect={"TopicAliasMaximum": 2})
aliased.subscribe(TOPIC + "/alias/+")
first = Properties(PacketTypes.PUBLISH)
first.TopicAlias = 3
pub.publish(TOPIC + "/alias/x", "0", qos=1, properties=first)
for number in range(1, 10):
    pub.publish("", str(number), qos=1, properties=first)
topics = {}
named = []
for message in aliased.wait("message", 10):
    alias = getattr(message.properties, "TopicAlias", None)
    topic = message.topic or topics[alias]
    topics[alias] = topic
    named.append([topic[len(TOPIC):], message.payload.decode()])

# One message under way at a time.
narrow = Client("r", connect={"ReceiveMaximum": 1})
narrow.subscribe(TOPIC + "/narrow")
for number in range(50):
    pub.publish(TOPIC + "/narrow", str(number), qos=2)

# The codes of refusals.
deep = "/".join("a" for _ in range(129))
codes = pub.subscribe(deep)
pub.client.unsubscribe(TOPIC + "/never")
never = pub.wait("unsubscribe", 1)[0]

# A will that waits, with properties.
watcher = Client("w")
watcher.subscribe(TOPIC + "/will")
properties = Properties(PacketTypes.WILLMESSAGE)
properties.WillDelayInterval = 1
properties.ContentType = "text/plain"
properties.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
victim = Client("v", clean=True, expiry=60, will="gone", will_properties=properties)
victim.break_off()
(will,) = watcher.wait("message", 1)

# An alias that stands for nothing ends the connection. Paho sees the code only where a reason string follows.
thrown = Client("s")
unknown = Properties(PacketTypes.PUBLISH)
unknown.TopicAlias = 5
thrown.client.publish("", "x", properties=unknown)

tell(
    local=texts(local, 1),
    live=[live.payload.decode(), bool(live.retain)],
    named=named,
    aliases=sorted(key for key in topics if key is not None),
    narrow=texts(narrow, 50),
    codes=codes,
    never=never,
    will=[will.payload.decode(), will.properties.ContentType, will.properties.UserProperty],
    thrown=thrown.wait("disconnect", 1)[0],
)
thrown.client.loop_stop()
for each in (pub, local, asis, aliased, narrow, watcher):
    each.leave()
