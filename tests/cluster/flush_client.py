"""flush_client.py PORT: extended protocol with Flush and without Sync, byte by byte.

Each Flush must be answered before the Sync is sent. Prints one line a step, for relay_test.sh.
"""
import struct
import sys

import protocol_client


class Client(protocol_client.Client):
    def until(self, last):
        """Types of the messages up to the first of type `last`, but for S and N."""
        types, kind = "", ""
        while kind != last:
            kind, body = self.message()
            if kind not in "SN":
                types += kind + ("[%s]" % protocol_client.fields(body)["C"] if kind == "E" else "")
        return types

    def send_all(self, *messages):
        for kind, body in messages:
            self.send(kind, body)


def parse(text, name=b""):
    return "P", name + b"\0" + text + b"\0" + struct.pack("!h", 0)


def bind(name=b""):
    return "B", b"\0" + name + b"\0" + struct.pack("!hhh", 0, 0, 0)


DESCRIBE, EXECUTE = ("D", b"P\0"), ("E", b"\0" + struct.pack("!i", 0))
DESCRIBE_STATEMENT = ("D", b"S\0")
FLUSH, SYNC = ("H", b""), ("S", b"")


def main():
    client = Client(int(sys.argv[1]))
    for text in (b"SELECT 1", b"INSERT INTO flushed VALUES (1)"):
        client.send_all(parse(text), DESCRIBE_STATEMENT, FLUSH)
        print("prepared:", client.until("T" if b"SELECT" in text else "n"))
        client.send_all(bind(), EXECUTE, FLUSH)
        print("executed:", client.until("C"))
        client.send_all(SYNC)
        print("synced:", client.until("Z"))
    # A read, then a write in one unit; the write fails, and what follows is skipped up to Sync.
    client.send_all(parse(b"SELECT count(*) FROM flushed"), bind(), EXECUTE, FLUSH)
    print("read:", client.until("C"))
    client.send_all(parse(b"INSERT INTO flushed VALUES (1)"), bind(), EXECUTE, FLUSH)
    print("duplicate:", client.until("E"))
    client.send_all(parse(b"SELECT 2"), bind(), EXECUTE, FLUSH)
    client.send_all(SYNC)
    print("synced:", client.until("Z"))
    # A block there, with a flush in it.
    client.send_all(parse(b"BEGIN"), bind(), EXECUTE, FLUSH)
    print("begun:", client.until("C"))
    client.send_all(parse(b"INSERT INTO flushed VALUES (2)"), bind(), EXECUTE, SYNC)
    print("inserted:", client.until("Z"))
    client.send_all(parse(b"COMMIT"), bind(), EXECUTE, FLUSH, SYNC)
    print("committed:", client.until("Z"))


main()
