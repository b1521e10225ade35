"""A program in the foreground that stands between a client and the servers, for as long as a test."""
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

START_S = 20
END_S = 20
NOBODY = 'nobody'


def reserve_port():
    """A socket that is bound but does not listen: as long as it lives, the system gives its port to
    nobody who asks for any, and a program may listen there because both have SO_REUSEADDR."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(('127.0.0.1', 0))
    return reservation


class Child:
    """A process with a directory of its own; as root, it runs as somebody who may do nothing.

        with Child() as child:
            port, = child.start(['program', child.path('conf')], 1,
                                lambda port: child.write('conf', ...))
    """

    def __init__(self):
        self.process = None
        self.reserved = []
        self.directory = tempfile.mkdtemp(prefix='child-')
        self.user = NOBODY if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.directory, self.user, pwd.getpwnam(self.user).pw_gid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as file:
            file.write(text)
        os.chmod(self.path(name), 0o644)

    def start(self, command, count, configure):
        """Starts it on free ports, which 'configure' gets and writes down, waits until it listens on
        all of them, and gives them.  What it says goes to the file 'log'."""
        self.reserved = [reserve_port() for _ in range(count)]
        ports = [reservation.getsockname()[1] for reservation in self.reserved]
        configure(*ports)
        self.launch(command)
        if all(self.listens_on(port) for port in ports):
            return ports
        self.stop()
        raise RuntimeError('%s does not start\n%s' % (command[0], self.said()))

    def launch(self, command):
        as_whom = {'user': self.user, 'group': pwd.getpwnam(self.user).pw_gid,
                   'extra_groups': []} if self.user else {}
        with open(self.path('log'), 'w') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, cwd=self.directory, **as_whom)

    def listens_on(self, port):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(('127.0.0.1', port)).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def said(self):
        with open(self.path('log'), errors='replace') as log:
            return log.read()[-3000:]

    def stop(self):
        """Ends it, and gives its exit status: 0, or less than 0 if it had to be killed by a signal."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
