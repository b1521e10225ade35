"""pylibmc, the Python binding of libmemcached: both protocols, modula and ketama over all servers.

usage: use_pylibmc.py HOST:PORT ...
"""
import sys

import checks

try:
    import pylibmc
except ImportError as error:
    checks.skip(error)

BEHAVIORS = {
    'modula': {'distribution': 'modula'},
    'ketama': {'ketama': True},
    'ketama weighted': {'ketama_weighted': True},
    'consistent, no delay': {'distribution': 'consistent', 'tcp_nodelay': True},
    'pipelined noreply': {'no_block': True, 'buffer_requests': False},
}


def basics(client, name):
    checks.true(name + ': flush_all', client.flush_all())
    checks.equal(name + ': a miss', client.get('nothing'), None)
    checks.true(name + ': set', client.set('key', 'value'))
    checks.equal(name + ': get', client.get('key'), 'value')
    checks.equal(name + ': add of what is there', client.add('key', 'x'), False)
    checks.true(name + ': add of what is not', client.add('fresh', 'x'))
    checks.true(name + ': replace', client.replace('fresh', 'y'))
    checks.equal(name + ': the new value', client.get('fresh'), 'y')
    checks.true(name + ': delete', client.delete('fresh'))
    checks.equal(name + ': delete of nothing', client.delete('fresh'), False)
    checks.true(name + ': set bytes', client.set('b', b'mid'))
    checks.true(name + ': append', client.append('b', b'end'))
    checks.true(name + ': prepend', client.prepend('b', b'start'))
    checks.equal(name + ': what came together', client.get('b'), b'startmidend')
    checks.true(name + ': touch', client.touch('b', 1000))
    values = ('', 'x' * 250, b'\r\n\0END\r\n', 'ü', 12345678901234567890, 1.5, True, [1, {'a': 2}])
    for value in values:
        checks.true(name + ': set %.20r' % (value,), client.set('t', value))
        checks.equal(name + ': get %.20r' % (value,), client.get('t'), value)
    checks.true(name + ': set 900,000 bytes', client.set('big', b'x' * 900000))
    checks.equal(name + ': get 900,000 bytes', client.get('big'), b'x' * 900000)


def numbers(client, name):
    checks.true(name + ': a counter', client.set('n', 10))
    checks.equal(name + ': incr', client.incr('n', 5), 15)
    checks.equal(name + ': decr', client.decr('n', 20), 0)
    checks.raises(name + ': incr of nothing', pylibmc.Error, client.incr, 'no_counter')


def multis(client, name):
    keys = ['multi-%d' % i for i in range(500)]
    values = {key: 'value of ' + key for key in keys}
    checks.equal(name + ': set_multi of 500', client.set_multi(values), [])
    checks.equal(name + ': get_multi of 500', client.get_multi(keys), values)
    checks.equal(name + ': one by one', {key: client.get(key) for key in keys}, values)
    checks.equal(name + ': get_multi with misses', client.get_multi(['no'] + keys[:3]),
                 {key: values[key] for key in keys[:3]})
    checks.true(name + ': delete_multi', client.delete_multi(keys[:250]))
    checks.equal(name + ': the others are left', len(client.get_multi(keys)), 250)


def times(client, name):
    checks.true(name + ': set for one second', client.set('soon', 'gone', time=1))
    checks.true(name + ': set for 1000 seconds', client.set('later', 'there', time=1000))
    checks.eventually(name + ': the one ends', lambda: client.get('soon') is None)
    checks.equal(name + ': the other does not', client.get('later'), 'there')
    checks.true(name + ': touch to one second', client.touch('later', 1))
    if name == 'text':                      # in binary, -1 is a date far away
        checks.true(name + ': set for the past', client.set('past', 'x', time=-1))
        checks.equal(name + ': it is over', client.get('past'), None)
    checks.eventually(name + ': then it does', lambda: client.get('later') is None)


def uniques(addresses, binary, name):
    client = pylibmc.Client(addresses, binary=binary, behaviors={'cas': True})
    client.set('c', 'one')
    value, unique = client.gets('c')
    checks.equal(name + ', cas: gets', value, 'one')
    checks.true(name + ', cas: the right unique', client.cas('c', 'two', unique))
    checks.equal(name + ', cas: the old unique', client.cas('c', 'three', unique), False)
    checks.equal(name + ', cas: the value', client.get('c'), 'two')


def limits(addresses, binary, name):
    client = pylibmc.Client(addresses, binary=binary)
    checks.raises(name + ': a key of 251 bytes', ValueError, client.set, 'k' * 251, 1)
    checks.raises(name + ': two megabytes', pylibmc.TooBig, client.set, 'k', b'x' * 2000000)
    checks.true(name + ': the connection is still good', client.set('k', 'v'))
    checks.equal(name + ': and the value', client.get('k'), 'v')


def counters(addresses, binary, name):
    statistics = pylibmc.Client(addresses, binary=binary).get_stats()
    checks.equal(name + ': statistics of every server', len(statistics), len(addresses))
    values = {str(key).strip("b'"): value for key, value in statistics[0][1].items()}
    checks.true(name + ': which count', int(values['cmd_get']) > 0)


def everything(addresses, binary, protocol):
    for distribution, behaviors in BEHAVIORS.items():
        name = protocol + ', ' + distribution
        client = pylibmc.Client(addresses, binary=binary, behaviors=behaviors)
        basics(client, name)
        numbers(client, name)
        multis(client, name)
        client.disconnect_all()
    times(pylibmc.Client(addresses, binary=binary), protocol)
    uniques(addresses, binary, protocol)
    limits(addresses, binary, protocol)
    counters(addresses, binary, protocol)


def main(addresses):
    print('pylibmc %s, libmemcached %s' % (pylibmc.__version__, pylibmc.libmemcached_version))
    everything(addresses, False, 'text')
    everything(addresses, True, 'binary')
    checks.finish()


main(sys.argv[1:])
