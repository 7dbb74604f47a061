"""flush_client.py PORT: extended protocol with Flush and without Sync, byte by byte.

Each Flush must be answered before the Sync is sent. Prints one line a step, for relay_test.sh.
"""
import socket
import struct
import sys


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self.bytes = b""
        self.until("Z")

    def message(self):
        while len(self.bytes) < 5 or len(self.bytes) < 1 + struct.unpack("!i", self.bytes[1:5])[0]:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.bytes += got
        size = 1 + struct.unpack("!i", self.bytes[1:5])[0]
        one, self.bytes = self.bytes[:size], self.bytes[size:]
        return chr(one[0]), one[5:]

    def until(self, last, count=1):
        """Types of the messages up to the count-th of type `last`, but for S and N."""
        types = ""
        while count > 0:
            kind, body = self.message()
            if kind in "SNK" or (kind == "R"):
                continue
            types += kind
            if kind == "E":
                types += "[%s]" % [f[1:] for f in body.split(b"\0") if f[:1] == b"C"][0].decode()
            count -= kind == last
        return types

    def send(self, *messages):
        out = b""
        for kind, body in messages:
            out += kind.encode() + struct.pack("!i", len(body) + 4) + body
        self.socket.sendall(out)


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
        client.send(parse(text), DESCRIBE_STATEMENT, FLUSH)
        print("prepared:", client.until("T" if b"SELECT" in text else "n"))
        client.send(bind(), EXECUTE, FLUSH)
        print("executed:", client.until("C"))
        client.send(SYNC)
        print("synced:", client.until("Z"))
    # A read, then a write in one unit; the write fails, and what follows is skipped up to Sync.
    client.send(parse(b"SELECT count(*) FROM flushed"), bind(), EXECUTE, FLUSH)
    print("read:", client.until("C"))
    client.send(parse(b"INSERT INTO flushed VALUES (1)"), bind(), EXECUTE, FLUSH)
    print("duplicate:", client.until("E"))
    client.send(parse(b"SELECT 2"), bind(), EXECUTE, FLUSH)
    client.send(SYNC)
    print("synced:", client.until("Z"))
    # A block there, with a flush in it.
    client.send(parse(b"BEGIN"), bind(), EXECUTE, FLUSH)
    print("begun:", client.until("C"))
    client.send(parse(b"INSERT INTO flushed VALUES (2)"), bind(), EXECUTE, SYNC)
    print("inserted:", client.until("Z"))
    client.send(parse(b"COMMIT"), bind(), EXECUTE, FLUSH, SYNC)
    print("committed:", client.until("Z"))


main()
