"""twemproxy (nutcracker) in front of all servers: what pymemcache and pylibmc see through it, and what
the servers have got.

usage: use_twemproxy.py HOST:PORT ...
"""
import random
import shutil
import sys
import threading

import checks
from child import Child

try:
    import pylibmc
    from pymemcache.client.base import Client
    from pymemcache.exceptions import MemcacheServerError
except ImportError as error:
    checks.skip(error)

POOL = '''%(name)s:
  listen: 127.0.0.1:%(port)d
  hash: %(hash)s
  distribution: %(distribution)s
  timeout: 30000
  preconnect: true
  auto_eject_hosts: false
  server_connections: %(connections)d
  servers:
%(servers)s
'''

# Many clients share each of these connections, so that what they ask is one pipeline.
POOLS = (('ketama', 'md5', 'ketama', 1), ('modula', 'md5', 'modula', 3))


def configuration(ports, addresses):
    servers = '\n'.join('   - %s:%d server%d' % (address, 1, i)
                        for i, address in enumerate(addresses))
    return ''.join(
        POOL % {'name': name, 'port': port, 'hash': hash, 'distribution': distribution,
                'connections': connections, 'servers': servers}
        for port, (name, hash, distribution, connections) in zip(ports, POOLS))


def basics(client, name):
    checks.pymemcache_basics(name, client)
    value, unique = client.gets('n')
    checks.true(name + ': cas', client.cas('n', b'new', unique, noreply=False))
    checks.equal(name + ': cas again', client.cas('n', b'newer', unique, noreply=False), False)
    checks.equal(name + ': the value', client.get('n'), b'new')
    client.set('soon', b'x', expire=1, noreply=False)
    checks.eventually(name + ': an item of one second ends', lambda: client.get('soon') is None)


def values(client, name):
    """Of sizes around the proxy's buffers of 16 KB."""
    some = random.Random(1)
    for size in (0, 1, 1000, 16000, 16384, 17000, 100000, 1000000):
        value = some.randbytes(size)
        checks.true('%s: set %d bytes' % (name, size), client.set('v', value, noreply=False))
        checks.equal('%s: get %d bytes' % (name, size), client.get('v'), value)
    lines = b'\r\nEND\r\nVALUE x 0 1\r\n\0'
    client.set('lines', lines, noreply=False)
    checks.equal(name + ': lines in a value', client.get('lines'), lines)
    checks.raises(name + ': two megabytes', MemcacheServerError, client.set, 'v', b'x' * 2000000,
                  noreply=False)
    checks.equal(name + ': then it goes on', client.get('lines'), lines)


def multis(client, name, servers):
    """The proxy takes a get of many keys apart and puts the answers together."""
    many = {'%s-%d' % (name, i): b'value %d' % i for i in range(600)}
    checks.equal(name + ': set_many of 600', client.set_many(many, noreply=False), [])
    checks.equal(name + ': get_many of 600', client.get_many(list(many)), many)
    checks.equal(name + ': one by one', {key: client.get(key) for key in many}, many)
    there = [server.get_many(list(many)) for server in servers]
    checks.true(name + ': every server has some', all(there))
    checks.equal(name + ': each key is on one', sum(len(some) for some in there), len(many))
    together = {}
    for some in there:
        together.update(some)
    checks.equal(name + ': with its value', together, many)


def without_answers(client, name):
    """In order only where the proxy has one connection to a server."""
    keys = ['%s-quiet-%d' % (name, i) for i in range(600)]
    for key in keys:
        client.set(key, b'quiet', noreply=True)
    client.delete_many(keys[:300], noreply=False)
    checks.equal(name + ': set without answers, and half of them deleted', client.get_many(keys),
                 {key: b'quiet' for key in keys[300:]})


def many_clients(port, name):
    """Sixteen clients at one time, whose requests the proxy mixes on few connections."""
    wrong = []

    def work(number):
        client = Client(('127.0.0.1', port), timeout=30)
        keys = ['%s-%d-%d' % (name, number, i) for i in range(20)]
        for i in range(10):
            want = {key: b'%s %d' % (key.encode(), i) for key in keys}
            client.set_many(want, noreply=False)
            client.incr('shared', 1)
            if client.get_many(keys) != want:
                wrong.append(number)
        client.close()

    one = Client(('127.0.0.1', port), timeout=30)
    one.set('shared', b'0', noreply=False)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal(name + ': sixteen clients, nobody sees what another stored', wrong, [])
    checks.equal(name + ': all count together', one.get('shared'), b'160')


def with_pylibmc(port, name):
    client = pylibmc.Client(['127.0.0.1:%d' % port], binary=False, behaviors={'cas': True})
    many = {'libmc-%d' % i: {'number': i, 'text': 'x' * i} for i in range(200)}
    checks.equal(name + ', pylibmc: set_multi', client.set_multi(many), [])
    checks.equal(name + ', pylibmc: get_multi', client.get_multi(list(many)), many)
    value, unique = client.gets('libmc-7')
    checks.true(name + ', pylibmc: cas', client.cas('libmc-7', 'new', unique))
    checks.equal(name + ', pylibmc: the value', client.get('libmc-7'), 'new')
    checks.true(name + ', pylibmc: delete', client.delete('libmc-7'))


def main(addresses):
    proxy = shutil.which('nutcracker') or shutil.which('nutcracker', path='/usr/sbin')
    if not proxy:
        checks.skip('no nutcracker')
    servers = [Client(checks.host_and_port(address), timeout=30) for address in addresses]
    with Child() as child:
        command = [proxy, '-c', child.path('conf'), '-o', child.path('words'), '-a', '127.0.0.1',
                   '-p', child.path('pid'), '-s']

        # The last port is that of the proxy's own statistics, which stands in the command.
        def configure(*ports):
            child.write('conf', configuration(ports[:-1], addresses))
            command[command.index('-s') + 1:] = [str(ports[-1])]

        ports = child.start(command, len(POOLS) + 1, configure)
        for port, (name, _, _, connections) in zip(ports, POOLS):
            client = Client(('127.0.0.1', port), timeout=30)
            basics(client, name)
            values(client, name)
            multis(client, name, servers)
            if connections == 1:
                without_answers(client, name)
            many_clients(port, name)
            with_pylibmc(port, name)
            client.close()
        child.stop()
    checks.finish()


main(sys.argv[1:])
