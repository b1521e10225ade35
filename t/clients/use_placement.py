"""Where keys land: pylibmc, php-memcached and twemproxy must put each key on the server that ketch-ring
names for it.  The servers themselves are asked who has what.

usage: use_placement.py HOST:PORT ...        $KETCH_RING is the program
"""
import os
import random
import shutil
import subprocess
import sys
import urllib.parse

import checks
from child import Child

try:
    import pylibmc
    from pymemcache.client.base import Client
except ImportError as error:
    checks.skip(error)

SEED = 20
KEYS = 600
VALUE = b'x'

POOL = '''%(name)s:
  listen: 127.0.0.1:%(port)d
  hash: %(hash)s
  distribution: %(distribution)s
  timeout: 30000
  preconnect: true
%(more)s
  servers:
%(servers)s
'''

# A client's settings, whether servers have weights of 1, 2, 3, ..., and the preset that must agree.
PYLIBMC = (
    ({}, False, 'libmemcached-modula'),
    ({'hash': 'murmur'}, False, 'libmemcached-modula,hash=murmur'),
    ({'ketama': True}, False, 'libmemcached-consistent'),
    ({'distribution': 'consistent', 'hash': 'md5'}, False, 'libmemcached-consistent,hash=md5'),
    ({'ketama_weighted': True}, False, 'libmemcached-weighted'),
    ({'ketama_weighted': True}, True, 'libmemcached-weighted'),
)
PHP = (
    ('default', False, 'libmemcached-modula'),
    ('consistent', False, 'libmemcached-consistent'),
    ('ketama', False, 'libmemcached-weighted'),
    ('ketama', True, 'libmemcached-weighted'),
    ('ketama fnv1a_32', True, 'libmemcached-weighted,hash=fnv1a_32'),
)
TWEMPROXY = (
    ('md5', 'ketama', '', 'twemproxy,hash=md5'),
    ('md5', 'ketama', '', 'libmemcached-weighted'),
    ('fnv1a_64', 'ketama', '', 'twemproxy'),
    ('one_at_a_time', 'ketama', '  hash_tag: "{}"', 'twemproxy,hash=one_at_a_time,tag={}'),
    ('hsieh', 'modula', '', 'twemproxy-modula,hash=hsieh'),
)


def make_keys():
    """Short ones, long ones, tagged ones, and such with bytes of 0x80 and above."""
    some = random.Random(SEED)
    print('seed %d' % SEED)
    plain = [byte for byte in range(0x21, 0x7f)]
    high = plain + list(range(0x80, 0x100))
    keys = {b'user:%d:profile' % i for i in range(KEYS // 4)}
    keys |= {b'{tag%d}:%d' % (i % 7, i) for i in range(KEYS // 4)}
    while len(keys) < KEYS:
        bytes_ = plain if len(keys) % 2 else high
        keys.add(bytes(some.choice(bytes_) for _ in range(some.randint(2, 250))))
    return sorted(keys)


def encoded(key):
    return urllib.parse.quote_from_bytes(key, safe='')


def server_list(addresses, weighted):
    return ['%s:%d' % (address, i + 1 if weighted else 1) for i, address in enumerate(addresses)]


def picked(preset, servers, keys):
    """The number of each key's server, by ketch-ring."""
    with Child() as child:
        child.write('servers', '\n'.join(servers) + '\n')
        command = [os.environ['KETCH_RING'], 'pick', '-e', '-p', preset, '-s', child.path('servers')]
        result = subprocess.run(command, input='\n'.join(map(encoded, keys)) + '\n', text=True,
                                stdout=subprocess.PIPE, check=True, timeout=60)
    numbers = [int(line.split('\t')[1]) for line in result.stdout.splitlines()]
    return dict(zip(keys, numbers, strict=True))


def found(clients, keys):
    """The number of the server that has each key."""
    where = {}
    for number, client in enumerate(clients):
        for key in client.get_many(keys):
            where.setdefault(key, []).append(number)
    return {key: some[0] if len(some) == 1 else some for key, some in where.items()}


class Ring:
    """The servers of one kind of pool, and who must have what."""

    def __init__(self, addresses, clients):
        self.addresses, self.clients, self.keys = addresses, clients, make_keys()

    def compare(self, what, preset, servers, store, keys=None):
        keys = keys or self.keys
        for client in self.clients:
            client.flush_all(noreply=False)
        store(keys)
        want, got = picked(preset, servers, keys), found(self.clients, keys)
        wrong = {key: (got.get(key), want[key]) for key in keys if got.get(key) != want[key]}
        checks.equal('%s, as %s: every server has keys' % (what, preset), len(set(want.values())),
                     len(self.clients))
        checks.equal('%s, as %s: key: (on, wanted on)' % (what, preset), wrong, {})


def with_pylibmc(ring):
    for behaviors, weighted, preset in PYLIBMC:
        servers = server_list(ring.addresses, weighted)

        def store(keys):
            client = pylibmc.Client(servers, behaviors=behaviors)
            for key in keys:
                client.set(key, VALUE)

        ring.compare('pylibmc %s%s' % (behaviors, ' weighted' if weighted else ''), preset, servers,
                     store)


def with_php(ring):
    """In the text protocol, php-memcached takes no key with a byte of 0x80 or above."""
    ascii_keys = [key for key in ring.keys if key.isascii()]
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'placement.php')
    for mode, weighted, preset in PHP:
        servers = server_list(ring.addresses, weighted)

        def store(keys):
            subprocess.run(['php', program, mode] + servers, input='\n'.join(map(encoded, keys)),
                           text=True, check=True, timeout=60)

        ring.compare('php %s%s' % (mode, ' weighted' if weighted else ''), preset, servers, store,
                     ascii_keys)


def with_twemproxy(ring, proxy):
    servers = server_list(ring.addresses, True)

    def configuration(ports):
        return ''.join(POOL % {'name': 'pool%d' % i, 'port': port, 'hash': pool[0],
                               'distribution': pool[1], 'more': pool[2],
                               'servers': '\n'.join('   - ' + server for server in servers)}
                       for i, (port, pool) in enumerate(zip(ports, TWEMPROXY)))

    with Child() as child:
        command = [proxy, '-c', child.path('conf'), '-o', child.path('words'), '-a', '127.0.0.1',
                   '-p', child.path('pid'), '-s']

        # The last port is that of the proxy's own statistics, which stands in the command.
        def configure(*ports):
            child.write('conf', configuration(ports[:-1]))
            command[command.index('-s') + 1:] = [str(ports[-1])]

        ports = child.start(command, len(TWEMPROXY) + 1, configure)
        for port, (hash, distribution, _, preset) in zip(ports, TWEMPROXY):

            def store(keys):
                client = Client(('127.0.0.1', port), timeout=30)
                for key in keys:
                    client.set(key, VALUE, noreply=False)
                client.close()

            ring.compare('twemproxy %s %s' % (distribution, hash), preset, servers, store)


def has_php():
    return shutil.which('php') and subprocess.run(
        ['php', '-r', 'exit(class_exists("Memcached") ? 0 : 1);'], check=False).returncode == 0


def main(addresses):
    if not os.access(os.environ.get('KETCH_RING', ''), os.X_OK):
        checks.skip('no ketch-ring: %s' % os.environ.get('KETCH_RING'))
    proxy = shutil.which('nutcracker') or shutil.which('nutcracker', path='/usr/sbin')
    if not proxy or not has_php():
        checks.skip('no nutcracker or no php-memcached')
    clients = [Client(checks.host_and_port(address), timeout=30) for address in addresses]
    ring = Ring(addresses, clients)
    with_pylibmc(ring)
    with_php(ring)
    with_twemproxy(ring, proxy)
    checks.finish()


main(sys.argv[1:])
