#!/usr/bin/env python3
"""check_durability.py --commits N [--without NODE].. NODE.trace..

Reads traces of `strace -f -ttt -T -yy`, one a node. A commit is a request of a client that ends
in "/* N */;" or inserts the number N, from its arrival on a socket to the next CommandComplete on
that socket. Between the two, at least two nodes must have written to their log and then ended a
sync of that file (or ended a write to it, where it is open for synchronous writes). With one client
nothing else is written to the logs meanwhile. strace notes the entry of a call before it runs and
its end after: what it shows as ordered was ordered.
--without NODE takes no notice of that node's syncs: for trying whether this can fail.
"""
import os
import re
import sys

LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
CALL = re.compile(r"^(\w+)\((.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
DURATION = re.compile(r"<(\d+\.\d+)>$")
DESCRIPTOR = re.compile(r"^(\d+)<([^>]*(?:->[^>]*)?)>")
REQUEST = re.compile(r"(?:/\* (\d+) \*/|INSERT INTO durable VALUES \((\d+)\))")
READS = {"read", "readv", "recvfrom", "recvmsg"}
WRITES = {"write", "writev", "sendto", "sendmsg"}
LOG_WRITES = {"pwrite64", "pwritev", "pwritev2", "write", "writev"}


class Call:
    def __init__(self, name, text, begin, end):
        self.name, self.text, self.begin, self.end = name, text, begin, end
        found = DESCRIPTOR.match(text)
        self.fd = found.group(1) if found else ""
        self.path = found.group(2) if found else ""


def read_calls(path):
    """Whole calls of all threads, by their end."""
    begun, calls = {}, []
    with open(path, errors="replace") as lines:
        for line in lines:
            found = LINE.match(line.rstrip("\n"))
            if not found:
                continue
            thread, when, rest = found.group(1), float(found.group(2)), found.group(3)
            resumed, call = RESUMED.match(rest), CALL.match(rest)
            if resumed:
                name, text, begin = begun.pop(thread, (None, "", when))
                if name is None:
                    continue
                text += resumed.group(2)
            elif call:
                name, text, begin = call.group(1), call.group(2), when
                if text.endswith("<unfinished ...>"):
                    begun[thread] = (name, text[: -len("<unfinished ...>")], begin)
                    continue
            else:
                continue
            took = DURATION.search(text)
            if took:
                calls.append(Call(name, text, begin, begin + float(took.group(1))))
    return sorted(calls, key=lambda c: c.end)


def log_syncs(calls):
    """(begin of the write, end of the sync that covers it) of each write to the log."""
    synchronous, written, syncs = set(), {}, []
    for call in calls:
        if call.name == "openat" and "/wal/" in call.text and re.search(r"O_D?SYNC", call.text):
            result = re.search(r"= \d+<([^>]*)>", call.text)
            if result:
                synchronous.add(result.group(1))
        if "/wal/" not in call.path:
            continue
        if call.name in LOG_WRITES:
            if call.path in synchronous or "RWF_DSYNC" in call.text:
                syncs.append((call.begin, call.end))
            else:
                written.setdefault(call.path, []).append(call)
        elif call.name in ("fdatasync", "fsync") and "= 0" in call.text:
            covered = [w for w in written.get(call.path, []) if w.end <= call.begin]
            syncs += [(w.begin, call.end) for w in covered]
            written[call.path] = [w for w in written.get(call.path, []) if w.end > call.begin]
    return syncs


def commits(calls):
    """number -> (arrival of the request, begin of the reply) at this node's clients."""
    waiting, found = {}, {}
    for call in sorted(calls, key=lambda c: c.begin):
        if not call.path.startswith("TCP:"):
            continue
        if call.name in READS:
            request = REQUEST.search(call.text)
            if request and '"Q\\0' in call.text:
                waiting[call.fd] = (int(request.group(1) or request.group(2)), call.end)
        elif call.name in WRITES and call.fd in waiting:
            if re.search(r"(COMMIT|INSERT 0 1)\\0", call.text):
                number, arrived = waiting.pop(call.fd)
                found[number] = (arrived, call.begin)
    return found


def main(words):
    wanted, without, traces = None, set(), []
    while words:
        word = words.pop(0)
        if word == "--commits":
            wanted = int(words.pop(0))
        elif word == "--without":
            without.add(words.pop(0))
        else:
            traces.append(word)
    replies, syncs = {}, {}
    for trace in traces:
        node = os.path.basename(trace).rsplit(".", 1)[0]
        calls = read_calls(trace)
        syncs[node] = [] if node in without else log_syncs(calls)
        for number, span in commits(calls).items():
            # At a replica the request is seen twice, there and at the primary: each must hold.
            replies.setdefault(number, []).append((node, *span))
    early, at_two, at_three = [], 0, 0
    for number, spans in sorted(replies.items()):
        arrived = min(span[1] for span in spans)
        for node, _, replied in spans:
            synced = [n for n, list_ in syncs.items()
                      if any(begin >= arrived and end <= replied for begin, end in list_)]
            at_two += len(synced) == 2
            at_three += len(synced) >= 3
            if len(synced) < 2:
                early.append((number, node, synced))
    print(f"commits={len(replies)} replies={sum(map(len, replies.values()))} "
          f"synced_on_two={at_two} synced_on_three={at_three} early={len(early)}")
    for number, node, synced in early[:10]:
        print(f"commit {number}: {node} replied when only {synced} had synced")
    if wanted is not None and len(replies) != wanted:
        print(f"{wanted} commits were made, {len(replies)} were seen")
        return 1
    return 1 if early else 0


sys.exit(main(sys.argv[1:]))
