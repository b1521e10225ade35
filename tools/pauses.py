"""Scenarios of bench-vs-memcached about waiting: what holds up clients who have done nothing wrong, and how
soon memory is there again that somebody else had.

Each is a function of a bench and a server's name that returns {what: (value, unit)}; of every value less
is better.  Latency counts from the moment a request was due (ketch-bench --rate), so that both servers get
the same load, and a stall shows in all the requests that it delays.
"""
import os
import socket
import threading
import time

from servers import MIB, Trouble


FILL = ["--only-preload", "--depth", 20]


def latency(report, verb, percentile):
    return report["latency_us"][verb][percentile]


def said(report):
    """What a run must show besides its latency: that all was sent, and answered well."""
    return report["run"]["unsent"], report["errors"]["total"]


# ---- storm: gets while the cache grows, evicts and moves its pages ----

STORM_MIB = 64
# At rates that leave an idle machine of two cores half idle: more would measure a queue.
STORM = (
    # what, value bytes, requests a second
    ("while the index grows", "20-100", 30000),
    ("when values grow to 4 KB", "1000-4000", 15000),
    ("when values grow to 30 KB", "10000-30000", 4000),
    ("when values are small again", "20-100", 30000),
)


def measure_storm(bench, name):
    """A get to three stores of keys drawn from so many that nearly all of them are new."""
    result = {}
    unsent = errors = 0
    server = bench.start(name, "-m", STORM_MIB)
    for number, (what, value_bytes, rate) in enumerate(STORM):
        report = bench.load(server, "--connections", 20, "--ratio", "1:3", "--keys", 5000000,
                            "--key-prefix", f"storm{number}:", "--value-bytes", value_bytes,
                            "--rate", rate, "--time", 2 * bench.options.seconds,
                            "--seed", bench.round + 1)
        for verb in ("get", "set"):
            for percentile in ("p99", "p99.9"):
                result[f"{verb} {percentile} {what}"] = (latency(report, verb, percentile), "us")
        unsent, errors = unsent + said(report)[0], errors + said(report)[1]
    stats = server.stats()
    server.stop()
    result["unsent"] = (unsent, "")
    result["errors"] = (errors, "")
    for field in ("slabs_moved", "evictions"):
        result[f"({field})"] = (int(stats.get(field, 0)), "")
    return result


# ---- expiry: a million items that live for five seconds ----

EXPIRY_ITEMS = 1000000
EXPIRY_TTL_S = 5
EXPIRY_SOON_S = 2       # after the last has expired its memory should be free
EXPIRY_PATIENCE_S = 20


def background_cpu_s(server):
    """Of all threads but those that serve clients."""
    total_ns = 0
    tasks = f"/proc/{server.pid}/task"
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/comm", encoding="ascii", errors="replace") as f:
            if "worker" in f.read():
                continue
        with open(f"{tasks}/{task}/schedstat", encoding="ascii") as f:
            total_ns += int(f.read().split()[0])
    return total_ns / 1e9


def wait_until_gone(server, until):
    while time.monotonic() < until:
        if int(server.stats()["curr_items"]) == 0:
            break
        time.sleep(0.05)


def measure_expiry(bench, name):
    server = bench.start(name, "-m", 1024)
    began, cpu_s = time.monotonic(), background_cpu_s(server)
    bench.load(server, *FILL, "--keys", EXPIRY_ITEMS, "--key-bytes", 30,
               "--key-prefix", "expiry:", "--value-bytes", 100, "--exptime", EXPIRY_TTL_S)
    due = time.monotonic() + EXPIRY_TTL_S
    wait_until_gone(server, due + EXPIRY_PATIENCE_S)
    gone_s = time.monotonic() - due
    time.sleep(max(0, due + EXPIRY_SOON_S - time.monotonic()))
    passed_s = time.monotonic() - began
    cpu_s = background_cpu_s(server) - cpu_s
    left = int(server.stats()["curr_items"])
    # The memory is there for values of any size.
    bench.load(server, *FILL, "--keys", 35000, "--key-prefix", "next:",
               "--value-bytes", 20000)
    evictions = int(server.stats()["evictions"])
    server.stop()
    return {
        "from the last expiry until all items have left": (gone_s, "s"),
        "items left then": (left, ""),
        "evictions by 670 MiB of other sizes": (evictions, ""),
        "background CPU, of one core from first store to then": (100 * cpu_s / passed_s, "%"),
        "background CPU, of each item that left": (1e9 * cpu_s / max(1, EXPIRY_ITEMS - left), "ns"),
    }


# ---- shrink: an operator takes memory away from a cache under load ----

SHRINK_FROM_MIB = 512
SHRINK_TO_MIB = 64
SHRINK_KEYS = 3500000
SHRINK_PATIENCE_S = 60


def measure_shrink(bench, name):
    seconds = 4 * bench.options.seconds
    server = bench.start(name, "-m", SHRINK_FROM_MIB)
    bench.load(server, *FILL, "--keys", SHRINK_KEYS, "--value-bytes", 100)
    load = ["--connections", 20, "--ratio", "1:1", "--keys", SHRINK_KEYS, "--value-bytes", 100,
            "--rate", 10000]
    before = bench.load(server, *load, "--time", bench.options.seconds)
    # Not at once, for the load must be on.
    operator = threading.Timer(0.5, server.ask, (b"cache_memlimit %d\r\n" % SHRINK_TO_MIB,))
    operator.start()
    during = bench.load(server, *load, "--time", seconds)
    operator.join()
    ended = time.monotonic()
    while (server.memory("VmRSS") > 1.25 * SHRINK_TO_MIB * MIB
           and time.monotonic() < ended + SHRINK_PATIENCE_S):
        time.sleep(0.1)
    shrunk_s = seconds - 0.5 + time.monotonic() - ended
    rss_mib = server.memory("VmRSS") / MIB
    server.stop()
    result = {}
    for verb in ("set", "get"):
        for when, report in (("before", before), ("while it shrinks", during)):
            for percentile in ("p99", "p99.9", "max"):
                result[f"{verb} {percentile} {when}"] = (latency(report, verb, percentile), "us")
    result["until RSS is down, at most"] = (shrunk_s, "s")
    result["RSS then"] = (rss_mib, "MiB")
    result["unsent"], result["errors"] = ((n, "") for n in said(during))
    return result


# ---- slow: uploads and downloads of large values that take their time ----

SLOW_BYTES = 1000000
SLOW_CLIENTS = 40       # of each kind
SLOW_PIECE_BYTES = 8192
SLOW_TURN_S = 0.01


class SlowClients(threading.Thread):
    """Every turn each of them sends or reads a little: a value takes a second or two."""

    def __init__(self, server, cpus):
        super().__init__()
        self.cpus = cpus
        self.stopped = threading.Event()
        value = b"v" * SLOW_BYTES
        for i in range(10):
            server.ask(b"set slow%d 0 0 %d\r\n%s\r\n" % (i, SLOW_BYTES, value))
        self.upload = b"set up 0 0 %d\r\n%s\r\n" % (SLOW_BYTES, value)
        self.uploaders = [[server.connect(), 0] for _ in range(SLOW_CLIENTS)]
        self.readers = [server.connect() for _ in range(SLOW_CLIENTS)]
        for s in self.readers:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * SLOW_PIECE_BYTES)
        for s in [*self.readers, *(u[0] for u in self.uploaders)]:
            s.setblocking(False)
        self.read_bytes = self.sent_bytes = 0

    def send_more(self, uploader):
        s, at = uploader
        sent = s.send(self.upload[at:at + SLOW_PIECE_BYTES])
        self.sent_bytes += sent
        uploader[1] = (at + sent) % len(self.upload)

    def read_more(self, s):
        here = len(s.recv(SLOW_PIECE_BYTES))
        if here == 0:
            raise Trouble("a server closed the connection of a slow reader")
        self.read_bytes += here

    def turn(self):
        for uploader in self.uploaders:
            try:
                self.send_more(uploader)
                uploader[0].recv(100)
            except BlockingIOError:
                pass
        for s in self.readers:
            try:
                self.read_more(s)
            except BlockingIOError:
                pass

    def run(self):
        if self.cpus:
            os.sched_setaffinity(0, self.cpus)      # of this thread
        for i, s in enumerate(self.readers):
            s.send(b"get slow%d\r\n" % (i % 10) * 100)
        while not self.stopped.wait(SLOW_TURN_S):
            self.turn()

    def stop(self):
        self.stopped.set()
        self.join()
        for s in [*self.readers, *(u[0] for u in self.uploaders)]:
            s.close()


def measure_slow(bench, name):
    server = bench.start(name, "-m", 256)
    load = ["--connections", 20, "--ratio", "3:1", "--keys", 100000, "--value-bytes", 100,
            "--rate", 10000]
    bench.load(server, *load, "--only-preload")
    alone = bench.load(server, *load, "--time", bench.options.seconds)
    slow = SlowClients(server, bench.load_cpus)
    slow.start()
    try:
        among = bench.load(server, *load, "--time", 3 * bench.options.seconds)
    finally:
        slow.stop()
    server.stop()
    result = {}
    for verb in ("get", "set"):
        for when, report in (("alone", alone), ("among them", among)):
            for percentile in ("p99", "p99.9", "max"):
                result[f"{verb} {percentile} {when}"] = (latency(report, verb, percentile), "us")
    result["unsent"], result["errors"] = ((n, "") for n in said(among))
    result["(sent by slow uploaders)"] = (slow.sent_bytes / MIB, "MiB")
    result["(read by slow readers)"] = (slow.read_bytes / MIB, "MiB")
    return result


SCENARIOS = {
    "storm": ("gets under a storm of stores", measure_storm),
    "expiry": ("1 M items with a TTL of 5 s", measure_expiry),
    "shrink": (f"-m {SHRINK_FROM_MIB} is shrunk to {SHRINK_TO_MIB}", measure_shrink),
    "slow": (f"{SLOW_CLIENTS} slow uploads and {SLOW_CLIENTS} slow reads of 1 MB", measure_slow),
}
