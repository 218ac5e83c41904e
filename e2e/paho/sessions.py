"""A kept session, its absence, and a will."""

from listener import TOPIC, Client, tell


def present(client):
    return client.flags["session present"]


first = Client("s", clean=False, expiry=3600)
first.subscribe(TOPIC + "/kept")
before = present(first)
first.leave()
pub = Client("p")
for qos in (1, 2):
    for number in range(50):
        pub.publish(TOPIC + "/kept", f"{qos}:{number}", qos=qos)
again = Client("s", clean=False, expiry=3600)
missed = [(m.qos, m.payload.decode()) for m in again.wait("message", 100)]
after = present(again)
again.leave()
clean = Client("s", clean=True)
forgotten = present(clean)

watcher = Client("w")
watcher.subscribe(TOPIC + "/will")
polite = Client("q", will="polite")
polite.leave()
victim = Client("v", will="victim")
victim.break_off()
will = watcher.wait("message", 1)[0]

tell(present=[before, after, forgotten], missed=missed, will=[will.payload.decode(), will.qos])
for each in (pub, clean, watcher):
    each.leave()
