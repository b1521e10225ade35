"""What the scripts share that compare ketchd with memcached: servers that are started and ended, tables.

Everything started is stopped by its process id, also when interrupted.
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
MIB = 1 << 20
# More descriptors than the idle scenario of bench-vs-memcached has connections.
DESCRIPTORS = 16384


class Trouble(Exception):
    """Something that the user can mend; shown without a traceback."""


class Server:
    """One running server.  The list of all is what the end of the program stops."""
    running = []

    def __init__(self, name, command, cpus):
        self.name = name
        self.reserved = reserve_port()
        self.port = self.reserved.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.log = open(os.devnull, "wb")
        self.process = subprocess.Popen(
            command(self.port), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True, preexec_fn=lambda: prepare_child(cpus))
        Server.running.append(self)
        self.wait_until_up()

    @property
    def pid(self):
        return self.process.pid

    def wait_until_up(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Trouble(f"{self.name} ended at once with status {self.process.returncode}")
            try:
                self.ask(b"version\r\n")
                return
            except OSError:
                time.sleep(0.02)
        raise Trouble(f"{self.name} does not answer on port {self.port}")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(self, request, end=b"\r\n"):
        """Sends one request and returns the reply up to 'end'."""
        with self.connect() as s:
            s.sendall(request)
            reply = b""
            while not reply.endswith(end):
                more = s.recv(65536)
                if not more:
                    raise OSError("closed")
                reply += more
            return reply

    def stats(self):
        lines = self.ask(b"stats\r\n", b"END\r\n").decode("ascii", "replace").splitlines()
        return {f[1]: f[2] for f in (line.split(" ", 2) for line in lines) if len(f) == 3}

    def memory(self, field):
        """VmRSS or VmHWM, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise Trouble(f"{self.name} is gone")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.reserved.close()
        if self in Server.running:
            Server.running.remove(self)


def stop_all():
    for server in list(Server.running):
        server.stop()


def prepare_child(cpus):
    if cpus:
        os.sched_setaffinity(0, cpus)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(DESCRIPTORS, most)))
    except (ValueError, OSError):
        pass    # the idle scenario will say what it lacks


def reserve_port():
    """A socket that is bound but does not listen: as long as it lives, the system gives its port to
    nobody who asks for any, and a server may listen there because both have SO_REUSEADDR."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation


# ---- programs ----

def program(path, what):
    found = shutil.which(path)
    if found is None:
        raise Trouble(f"{what}: no such program: {path}")
    return os.path.realpath(found)


def refuse_own_link(options):
    """ketchd can be installed under memcached's name; a comparison with itself is worthless."""
    own = os.path.samefile(options.memcached, options.ketchd)
    if own or os.path.basename(options.memcached).startswith("ketch"):
        raise Trouble(f"{options.memcached} is ketchd itself: name a real one with --memcached")


def beside(name):
    """In the build directory, which is where one stands, or next to this script."""
    built = os.path.join("tools", name)
    return built if os.path.exists(built) else os.path.join(HERE, name)


# ---- runs ----

def start_cache(name, path, *options, cpus=None):
    """Starts a server that takes memcached's options."""
    user = ["-u", "root"] if os.geteuid() == 0 else []
    return Server(name, lambda port: [path, "-p", str(port), "-l", "127.0.0.1", *user,
                                      *map(str, options)], cpus)


def run_json(command, timeout_s, good=(0,), cpus=None):
    """Runs a program that prints JSON and ends with a status in 'good'; returns what it printed."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True,
                             preexec_fn=lambda: prepare_child(cpus))
    try:
        out, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as e:
        raise Trouble(f"{' '.join(command)} did not end in {timeout_s:.0f} s") from e
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if child.returncode not in good:
        raise Trouble(f"{' '.join(command)} ended with status {child.returncode}")
    return json.loads(out)


def run_script(name, main):
    """Runs 'main', ends all servers whatever happens, and returns the exit status."""
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, interrupt)
    try:
        main()
    except Trouble as e:
        say(f"{name}: {e}")
        return 1
    except KeyboardInterrupt:
        say(f"{name}: interrupted")
        return 130
    finally:
        stop_all()
    return 0


# ---- talking to the user ----

def say(text):
    print(text, file=sys.stderr, flush=True)


def print_table(head, rows):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        first = row[0].ljust(widths[0])
        print(first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:])), sep="  ")
    print(flush=True)


def interrupt(_signal, _frame):
    raise KeyboardInterrupt
