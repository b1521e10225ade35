"""pymemcache: one connection, a pool of them, a ring of servers, and a unix socket.

usage: use_pymemcache.py HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
"""
import os
import sys
import threading

import checks

try:
    from pymemcache.client.base import Client, PooledClient
    from pymemcache.client.hash import HashClient
    from pymemcache.exceptions import (MemcacheClientError, MemcacheIllegalInputError,
                                       MemcacheServerError)
except ImportError as error:
    checks.skip(error)


def basics(client, name):
    checks.true(name + ': flush_all', client.flush_all(noreply=False))
    checks.pymemcache_basics(name, client)
    values = {'m%d' % i: b'%d' % i for i in range(500)}
    checks.equal(name + ': set_many of 500', client.set_many(values, noreply=False), [])
    checks.equal(name + ': get_many of 500', client.get_many(list(values)), values)
    checks.true(name + ': delete_many', client.delete_many(list(values), noreply=False))
    checks.equal(name + ': nothing is left', client.get_many(list(values)), {})


def uniques(client, name):
    client.set('c', b'one', noreply=False)
    value, unique = client.gets('c')
    checks.equal(name + ': gets', value, b'one')
    checks.equal(name + ': the right unique', client.cas('c', b'two', unique, noreply=False), True)
    checks.equal(name + ': the old unique', client.cas('c', b'three', unique, noreply=False), False)
    checks.equal(name + ': cas of nothing', client.cas('no', b'x', b'1', noreply=False), None)


def noreply(client, name):
    for i in range(200):
        client.set('q%d' % i, b'%d' % i, noreply=True)
    client.add('q1', b'no', noreply=True)
    client.append('q2', b'!', noreply=True)
    client.delete('q3', noreply=True)
    client.incr('q4', 6, noreply=True)
    client.touch('q5', 100, noreply=True)
    checks.equal(name + ': after commands without answers',
                 client.get_many(['q%d' % i for i in range(1, 6)]),
                 {'q1': b'1', 'q2': b'2!', 'q4': b'10', 'q5': b'5'})
    checks.equal(name + ': the last of them', client.get('q199'), b'199')


def errors(client, name):
    checks.raises(name + ': a key of 251 bytes', MemcacheIllegalInputError, client.get, 'k' * 251)
    checks.raises(name + ': two megabytes', MemcacheServerError, client.set, 'k', b'x' * 2000000,
                  noreply=False)
    client.set('text', b'text', noreply=False)
    checks.raises(name + ': incr of a text', MemcacheClientError, client.incr, 'text', 1)
    checks.equal(name + ': then it goes on', client.get('text'), b'text')


def administration(client, name):
    statistics = client.stats()
    for key in (b'pid', b'uptime', b'curr_items', b'total_items', b'bytes', b'cmd_get', b'get_hits',
                b'evictions', b'limit_maxbytes', b'threads', b'curr_connections'):
        checks.true(name + ': stats has ' + key.decode(), key in statistics)
    checks.true(name + ': stats settings', client.stats('settings')[b'maxconns'] > 0)
    client.set('item', b'x', noreply=False)
    checks.true(name + ': stats items', client.stats('items'))
    checks.true(name + ': stats slabs', client.stats('slabs'))
    checks.true(name + ': cache_memlimit', client.cache_memlimit(64))
    checks.true(name + ': version', client.version().split(b'.')[0].isdigit())


def many_threads(client, name):
    """Eight threads count to 4000 together, over a pool of connections."""
    client.set('shared', b'0', noreply=False)

    def count():
        for _ in range(500):
            client.incr('shared', 1)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal(name + ': eight threads count', client.get('shared'), b'4000')


def main(addresses):
    first = checks.host_and_port(addresses[0])
    client = Client(first, connect_timeout=5, timeout=5)
    for test in (basics, uniques, noreply, errors, administration):
        test(client, 'Client')
    client.quit()
    pool = PooledClient(first, max_pool_size=8, connect_timeout=5, timeout=5)
    for test in (basics, noreply, many_threads):
        test(pool, 'PooledClient')
    servers = [checks.host_and_port(address) for address in addresses]
    ring = HashClient(servers, timeout=5, use_pooling=True)
    basics_of_ring(ring, 'HashClient')
    if os.environ.get('UNIX_SOCKET'):
        local = Client(os.environ['UNIX_SOCKET'], connect_timeout=5, timeout=5)
        for test in (basics, uniques, noreply, errors):
            test(local, 'unix socket')
    checks.finish()


def basics_of_ring(ring, name):
    values = {'ring%d' % i: b'%d' % i for i in range(300)}
    ring.flush_all(noreply=False)
    checks.equal(name + ': set_many', ring.set_many(values, noreply=False), [])
    checks.equal(name + ': get_many', ring.get_many(list(values)), values)
    checks.equal(name + ': one by one', {key: ring.get(key) for key in values}, values)


main(sys.argv[1:])
