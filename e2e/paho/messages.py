"""Messages of every QoS, retained messages, wildcards, large payloads."""

import hashlib
import os

from listener import TOPIC, Client, tell

sub = Client("s")
pub = Client("p")
granted = sub.subscribe(TOPIC + "/a/+", TOPIC + "/b/#")
for qos in (0, 1, 2):
    for number in range(100):
        pub.publish(f"{TOPIC}/a/{qos}", f"{qos}:{number}", qos=qos)
received = [(m.topic[len(TOPIC):], m.qos, m.payload.decode()) for m in sub.wait("message", 300)]

pub.publish(TOPIC + "/kept", "kept", qos=1, retain=True)
late = Client("l")
late.subscribe(TOPIC + "/kept")
retained = late.wait("message", 1)[0]
pub.publish(TOPIC + "/kept", "", qos=1, retain=True)
last = Client("z")
last.subscribe(TOPIC + "/kept", TOPIC + "/end")
pub.publish(TOPIC + "/end", "end", qos=1)
cleared = last.wait("message", 1)[0]

large = os.urandom(900 * 1024)
sub.subscribe(TOPIC + "/large")
pub.publish(TOPIC + "/large", large, qos=2)
got = sub.wait("message", 301)[300]

tell(
    codes=[sub.code, pub.code],
    granted=granted,
    received=received,
    retained=[retained.payload.decode(), bool(retained.retain)],
    cleared=[cleared.payload.decode(), bool(cleared.retain)],
    large=hashlib.sha256(got.payload).digest() == hashlib.sha256(large).digest(),
)
for each in (sub, pub, late, last):
    each.leave()
