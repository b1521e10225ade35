"""python-memcached: text protocol in pure Python, with compression and pickled values.

usage: use_memcache.py HOST:PORT ...
"""
import sys

import checks

try:
    import memcache
except ImportError as error:
    checks.skip(error)


def main(addresses):
    print('python-memcached %s' % memcache.__version__)
    client = memcache.Client(addresses, debug=0, cache_cas=True, socket_timeout=5)
    checks.true('flush_all', client.flush_all() is None)
    checks.equal('a miss', client.get('nothing'), None)
    for value in ('text', 'ü', b'\0\r\nEND\r\n', 7, 1 << 70, True, 2.5, ['a', {'list': None}], ''):
        checks.true('set %.20r' % (value,), client.set('t', value))
        checks.equal('get %.20r' % (value,), client.get('t'), value)
    compressible = 'abc' * 50000
    checks.true('set, compressed', client.set('z', compressible, min_compress_len=1000))
    checks.equal('get, compressed', client.get('z'), compressible)
    checks.equal('add of what is there', client.add('t', 'x'), 0)
    checks.true('add of what is not', client.add('fresh', 'x'))
    checks.true('replace', client.replace('fresh', 'y'))
    checks.equal('replace of nothing', client.replace('nothing', 'y'), 0)
    checks.true('append', client.append('fresh', 'end'))
    checks.true('prepend', client.prepend('fresh', 'start'))
    checks.equal('what came together', client.get('fresh'), 'startyend')
    checks.true('touch', client.touch('fresh', 100))
    checks.equal('delete', client.delete('fresh'), 1)
    checks.equal('it is gone', client.get('fresh'), None)
    client.set('n', 41)
    checks.equal('incr', client.incr('n'), 42)
    checks.equal('decr', client.decr('n', 50), 0)
    checks.equal('incr of nothing', client.incr('nothing'), None)
    uniques(client, memcache.Client(addresses))
    multis(client)
    statistics = client.get_stats()
    checks.equal('statistics of every server', len(statistics), len(addresses))
    checks.true('which count', int(statistics[0][1]['cmd_set']) > 0)
    checks.finish()


def uniques(client, other):
    client.set('c', 'one')
    checks.equal('gets', client.gets('c'), 'one')
    other.set('c', 'two')
    checks.equal('cas after somebody else', client.cas('c', 'three'), 0)
    checks.equal('gets again', client.gets('c'), 'two')
    checks.true('cas', client.cas('c', 'three'))
    checks.equal('the value', other.get('c'), 'three')


def multis(client):
    values = {'m%d' % i: 'value %d' % i for i in range(500)}
    checks.equal('set_multi of 500', client.set_multi(values), [])
    checks.equal('get_multi of 500', client.get_multi(list(values)), values)
    checks.equal('delete_multi', client.delete_multi(list(values)), 1)
    checks.equal('nothing is left', client.get_multi(list(values)), {})


main(sys.argv[1:])
