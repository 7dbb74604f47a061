"""protocol_client.py CASE PORT ...: PostgreSQL's protocol byte by byte, as drivers do not speak it.

Each case prints what it saw, one line a step, for protocol_test.sh.
"""
import select
import socket
import struct
import sys
import time
import urllib.request

SSL, GSSENC, CANCEL, PROTOCOL = 80877103, 80877104, 80877102, 196608


def fields(body):
    return {f[:1].decode(): f[1:].decode("utf-8", "replace") for f in body.split(b"\0") if f}


class Client:
    """One connection; what it was told at its start is in `parameters`, `pid`, `secret`."""

    def __init__(self, port, start=True, **options):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.bytes, self.parameters, self.pid = b"", {}, None
        if start:
            self.start(**options)

    def start(self, **options):
        options = {"user": "postgres", "database": "postgres", **options}
        pairs = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in options.items() if v is not None)
        self.packet(struct.pack("!i", PROTOCOL) + pairs + b"\0")
        self.said = self.until_ready()

    def packet(self, body):
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)

    def send(self, kind, body=b""):
        self.socket.sendall(kind.encode() + struct.pack("!i", len(body) + 4) + body)

    def need(self, size):
        while len(self.bytes) < size:
            got = self.socket.recv(65536)
            if not got:
                raise EOFError
            self.bytes += got

    def message(self):
        self.need(5)
        size = 1 + struct.unpack("!i", self.bytes[1:5])[0]
        self.need(size)
        one, self.bytes = self.bytes[:size], self.bytes[size:]
        return chr(one[0]), one[5:]

    def speaks(self, seconds):
        return len(self.bytes) > 0 or len(select.select([self.socket], [], [], seconds)[0]) > 0

    def until_ready(self):
        """What was said up to ReadyForQuery, or the end of the connection, in words."""
        said = []
        while True:
            try:
                kind, body = self.message()
            except (EOFError, ConnectionError):
                return " ".join(said + ["end"])
            if kind == "S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == "K":
                self.pid, self.secret = struct.unpack("!ii", body)
            elif kind == "E":
                error = fields(body)
                self.error = error["M"]
                said.append(error["S"] + " " + error["C"])
            elif kind == "D":
                size = struct.unpack("!i", body[2:6])[0]
                said.append(body[6:6 + size].decode() if size >= 0 else "NULL")
            elif kind == "C":
                said.append(body[:-1].decode())
            elif kind == "G":
                said.append("copy")
                return " ".join(said)
            elif kind == "Z":
                return " ".join(said + [body.decode()])

    def query(self, text):
        self.send("Q", text.encode() + b"\0")
        return self.until_ready()


def parameters(port):
    client = Client(port)
    for name in sorted(client.parameters, key=str.lower):
        value = client.parameters[name]
        print(name + "=" + ("15.*" if name == "server_version" and value.startswith("15.") else value))


def requests(port):
    """SSLRequest and GSSENCRequest are answered N, and the connection goes on."""
    client = Client(port, start=False)
    for code in GSSENC, SSL:
        client.packet(struct.pack("!i", code))
        client.need(1)
        print(client.bytes.decode())
        client.bytes = b""
    client.start()
    print(client.said)


def logins(port):
    for options in ({"user": "nobody"}, {"database": "nowhere"}, {"replication": "database"}, {"replication": "off"},
                    {"no_such_setting": "1"}, {"TimeZone": "Europe/Berlin"}, {"user": None}):
        print(*options.items(), Client(port, **options).said)


def packets(port):
    """Start-up packets that are none."""
    for body in (b"", struct.pack("!i", 131072), struct.pack("!i", PROTOCOL) + b"user\0postgres\0",
                 struct.pack("!i", PROTOCOL) + b"user\0postgres\0extra\0"):
        client = Client(port, start=False)
        client.packet(body)
        print(len(body), client.until_ready())


def messages(port):
    """What is no statement is an ERROR, and the connection goes on."""
    client = Client(port)
    for name, kind, body in (("no zero", "Q", b"SELECT 1"), ("two texts", "Q", b"SELECT 1\0SELECT 2\0"),
                             ("function", "F", struct.pack("!ihhh", 1598, 0, 0, 0)),
                             ("not UTF-8", "Q", b"SELECT '\xff\xfe'\0"), ("too short", "Q", b"SELECT '\xe2\x82'\0")):
        client.send(kind, body)
        print(name, client.until_ready(), client.error)
    print(client.query("BEGIN"))
    client.send("Q", b"SELECT 1")
    print(client.until_ready(), client.query("ROLLBACK"))
    print(client.query("COPY (SELECT 1) TO STDOUT"))
    print(client.query("CREATE TABLE stray (a int)"), client.query("COPY stray FROM STDIN"))
    client.send("Q", b"SELECT 1\0")
    print(client.until_ready(), client.error)
    client = Client(port)
    print(client.query("DROP TABLE stray"))
    client.send("y")
    print(client.until_ready())


def sleep(client, seconds):
    client.send("Q", b"SELECT pg_sleep(%d)\0" % seconds)


def until_it_speaks(client, interrupt):
    """What the last interrupt said: one that comes before its statement hits nothing."""
    while True:
        said = interrupt()
        if client.speaks(0.1):
            return said


def bind(client, parameters, formats, result_formats):
    """Parse, Bind with these values and format codes, Execute, Sync."""
    client.send("P", b"\0SELECT a, a + $1 FROM (VALUES (1)) v (a)\0" + struct.pack("!h", 0))
    values = b"".join(struct.pack("!i", len(value)) + value for value in parameters)
    codes = [struct.pack("!h%dh" % len(some), len(some), *some) for some in (formats, result_formats)]
    client.send("B", b"\0\0" + codes[0] + struct.pack("!h", len(parameters)) + values + codes[1])
    client.send("E", b"\0\0\0\0\0")
    client.send("S")
    return client.until_ready(), client.error


def extended(port):
    """Format codes that do not fit are errors."""
    client = Client(port)
    client.error = ""
    for formats, result_formats in (((), ()), ((0,), (0, 0)), ((0, 0), ()), ((), (0, 0, 0)), ((7,), ())):
        print(*bind(client, [b"1"], formats, result_formats))


def skips(port):
    """After an error of the extended protocol all is skipped up to Sync, a Query as well."""
    client = Client(port)
    client.send("P", b"\0SELECT nothing\0\0\0")
    client.send("Q", b"SELECT 'not asked'\0")
    client.send("F", struct.pack("!ihhh", 1598, 0, 0, 0))
    client.send("S")
    print(client.until_ready(), "/", client.query("SELECT 2"))
    # Without an error a Query is run, after what came before it.
    for text in b"SELECT 3", b"CREATE TABLE skipped (a int)", b"DROP TABLE skipped":
        client.send("P", b"\0" + text + b"\0\0\0")
        client.send("B", b"\0\0" + struct.pack("!hhh", 0, 0, 0))
        client.send("E", b"\0\0\0\0\0")
        client.send("Q", b"SELECT 4\0")
        client.send("S")
        print(client.until_ready(), "/", client.until_ready())


def moves(port, rest_port, source, target):
    """A unit in parts whose node becomes the primary meanwhile: what it wrote waits for its Sync."""
    client, other = Client(port), Client(port)
    client.query("CREATE TABLE moved (a int)")

    def part(text):
        client.send("P", b"\0" + text + b"\0\0\0")
        client.send("B", b"\0\0" + struct.pack("!hhh", 0, 0, 0))
        client.send("E", b"\0\0\0\0\0")
        client.send("H")
        while (message := client.message())[0] not in "CE":
            pass
        return message[1].rstrip(b"\0").decode() if message[0] == "C" else fields(message[1])["C"]

    print(part(b"SELECT 1"))
    body = b'{"from":"n%d","to":"n%d"}' % (source, target)
    urllib.request.urlopen("http://127.0.0.1:%d/api/v1/cluster/switchover" % rest_port, body).read()
    print(part(b"INSERT INTO moved VALUES (1)"), part(b"INSERT INTO moved VALUES (2)"))
    print(other.query("SELECT count(*) FROM moved"), part(b"SELECT 3"))
    client.send("S")
    print(client.until_ready(), "/", other.query("SELECT count(*) FROM moved"), client.query("DROP TABLE moved"))


def copies(port):
    """Ends of lines in COPY data, as one message and byte by byte."""
    client = Client(port)
    client.error = ""
    client.query("CREATE TABLE lines (a int, b text)")
    for data in (b"1\ta\r\n2\tb\r\n", b"1\ta\r\n2\tb\n", b"1\ta\n2\tb\r\n", b"1\ta\\\r\n", b"1\ta\\", b"1\ta\r\n\\.\r\n2\n",
                 b"\\.", b"1\t\xff\n"):
        said = []
        for pieces in ([data], [data[i:i + 1] for i in range(len(data))]):
            client.query("COPY lines FROM STDIN")
            for piece in pieces:
                client.send("d", piece)
            client.send("c")
            said.append(client.until_ready())
        print(said[0], "twice" if said[0] == said[1] else said[1], client.error)
        client.error = ""
    print(client.query("SELECT count(*) || ' ' || sum(length(b)) FROM lines"), client.query("DROP TABLE lines"))


def cancels(port):
    """CancelRequest hits the statement of that connection; with a wrong secret, nothing."""
    client, witness = Client(port), Client(port)

    def request(secret):
        one = Client(port, start=False)
        one.packet(struct.pack("!iii", CANCEL, client.pid, secret))
        return one.until_ready()

    for secret, seconds in (client.secret ^ 1, 1), (client.secret, 60):
        sleep(client, seconds)
        sleep(witness, 1)
        print(until_it_speaks(client, lambda: request(secret)), "/", client.until_ready(), "/", witness.until_ready())
    print(client.query("SELECT 1"))


def cancelled_texts(port, primary):
    """A text that began a block leaves it failed, also where it ran elsewhere."""
    client, holder = Client(port), Client(primary)
    print(holder.query("CREATE TABLE held (a int); INSERT INTO held VALUES (1)"), holder.query("BEGIN; DELETE FROM held"))

    def cancel():
        one = Client(port, start=False)
        one.packet(struct.pack("!iii", CANCEL, client.pid, client.secret))
        one.until_ready()

    for text in "DELETE FROM held", "BEGIN; DELETE FROM held":
        client.send("Q", text.encode() + b"\0")
        until_it_speaks(client, cancel)
        print(client.until_ready().split()[-1], client.query("ROLLBACK"))
    print(holder.query("ROLLBACK"), holder.query("DROP TABLE held"))


def portals(port):
    """Portals end with their transaction, and nothing is left of them."""
    client = Client(port)
    for start in range(0, 20000, 1000):
        for number in range(start, start + 1000):
            client.send("P", b"\0SELECT 1\0\0\0")
            client.send("B", b"portal %d\0\0\0\0\0\0\0\0" % number)
            client.send("S")
        for _ in range(1000):
            assert client.until_ready() == "I"
    print(client.query("SELECT 1"))


def pipeline(port, size):
    """Many statements before one Sync are one transaction, however many bytes they have."""
    client = Client(port)
    print(client.query("CREATE TABLE piped (a int PRIMARY KEY)"))
    for last in 600, 1:
        for number in *range(2, 600), last:
            client.send("P", b"\0INSERT INTO piped SELECT length($1::text)\0\0\0")
            client.send("B", b"\0\0\0\0\0\1" + struct.pack("!i", size + number) + b"x" * (size + number) + b"\0\0")
            client.send("E", b"\0\0\0\0\0")
        client.send("S")
        said = client.until_ready()
        print(said.count("INSERT 0 1"), *[word for word in said.split() if word not in ("INSERT", "0", "1")])
        print(client.query("SELECT count(*) FROM piped"))
    print(client.query("DROP TABLE piped"))


def interrupts(port):
    """pg_cancel_backend() and pg_terminate_backend() of one session leave the others alone."""
    client, victim, witness = Client(port), Client(port), Client(port)
    sleep(victim, 60)
    sleep(witness, 1)
    said = until_it_speaks(victim, lambda: client.query("SELECT pg_cancel_backend(%d)" % victim.pid))
    print(said, victim.until_ready(), witness.until_ready())
    print(client.query("SELECT pg_terminate_backend(%d)" % victim.pid), victim.until_ready())
    print(client.query("SELECT pg_terminate_backend(%d)" % victim.pid), client.query("SELECT pg_cancel_backend(0)"))
    print(client.query("SELECT pg_terminate_backend(pg_backend_pid())"), witness.query("SELECT 1"))


def pids(*ports):
    """No two sessions of the cluster have one pid, and it is the one that the server shows."""
    clients = [Client(port) for port in ports for _ in range(20)]
    print(len(clients), len({client.pid for client in clients}))
    print(all(client.query("SELECT pg_backend_pid()") == "%d SELECT 1 I" % client.pid for client in clients))


def crowd(port, limit):
    clients = [Client(port) for _ in range(limit)]
    print(clients[-1].said, "/", Client(port).said)
    clients.pop().send("X")
    end = time.monotonic() + 10
    while (last := Client(port)).said != "I" and time.monotonic() < end:
        pass
    print(last.said)


def settings(standby):
    """Settings of the start-up packet are in force on the primary, too."""
    client = Client(standby, application_name="along", options="-c default_transaction_isolation=repeatable\\ read")
    print(client.said, client.parameters["in_hot_standby"], client.query("BEGIN"))
    print(client.query("SHOW application_name"), "/", client.query("SHOW transaction_isolation"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*[int(argument) for argument in sys.argv[2:]])
