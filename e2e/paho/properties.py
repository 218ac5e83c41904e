"""MQTT 5: properties, subscription options and identifiers, reason codes."""

from listener import TOPIC, Client, tell
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

sub = Client("s")
pub = Client("p")
identified = Properties(PacketTypes.SUBSCRIBE)
identified.SubscriptionIdentifier = 42
options = SubscribeOptions(qos=1, noLocal=False, retainAsPublished=True)
granted = sub.subscribe(TOPIC, options={"options": options, "properties": identified})

properties = Properties(PacketTypes.PUBLISH)
properties.PayloadFormatIndicator = 1
properties.MessageExpiryInterval = 1000
properties.ContentType = "text/plain"
properties.ResponseTopic = "answers"
properties.CorrelationData = b"\x00\xff1"
properties.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
pub.publish(TOPIC, "hello", qos=1, retain=True, properties=properties)
message = sub.wait("message", 1)[0]
got = message.properties

tell(
    granted=granted,
    payload=message.payload.decode(),
    retain=bool(message.retain),
    format=got.PayloadFormatIndicator,
    expiry=got.MessageExpiryInterval,
    type=got.ContentType,
    response=got.ResponseTopic,
    correlation=got.CorrelationData.hex(),
    user=got.UserProperty,
    identifier=got.SubscriptionIdentifier,
)
sub.leave()
pub.leave()
