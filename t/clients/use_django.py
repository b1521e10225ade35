"""Django's two backends for memcached, PyMemcacheCache and PyLibMCCache: its caching calls, and sessions.

usage: use_django.py HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
"""
import os
import random
import sys
import threading

import checks

try:
    import django
    from django.conf import settings
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.cache import caches
    import pylibmc                                          # noqa: the backends want them
    import pymemcache                                       # noqa
except ImportError as error:
    checks.skip(error)

BACKEND = 'django.core.cache.backends.memcached.'
BACKENDS = {'pymemcache': BACKEND + 'PyMemcacheCache', 'pylibmc': BACKEND + 'PyLibMCCache'}
DAY_S = 86400


class Thing:
    def __init__(self, *parts):
        self.parts = parts

    def __eq__(self, other):
        return isinstance(other, Thing) and self.parts == other.parts


def values(cache, name):
    some = random.Random(1).randbytes(900000)
    for i, value in enumerate(('text', '', 'ü', b'\r\nEND\r\n\0', 7, -7, 1 << 70, 2.5, True, None,
                               {'a': [1, (2, None)]}, Thing(1, 'x'), some)):
        cache.set('v%d' % i, value)
        checks.equal('%s: %.20r' % (name, value), cache.get('v%d' % i, 'a miss'), value)
    checks.equal(name + ': a miss', cache.get('nothing'), None)
    checks.equal(name + ': a miss with a default', cache.get('nothing', 'default'), 'default')
    checks.true(name + ': in', 'v1' in cache)
    checks.equal(name + ': not in', 'nothing' in cache, False)


def stores(cache, name):
    checks.true(name + ': add', cache.add('key', 'one'))
    checks.equal(name + ': add of what is there', cache.add('key', 'two'), False)
    checks.equal(name + ': the value', cache.get('key'), 'one')
    checks.true(name + ': delete', cache.delete('key'))
    checks.equal(name + ': delete of nothing', cache.delete('key'), False)
    checks.equal(name + ': get_or_set makes it', cache.get_or_set('made', lambda: 'fresh'), 'fresh')
    checks.equal(name + ': get_or_set finds it', cache.get_or_set('made', 'other'), 'fresh')
    checks.raises(name + ': two megabytes', Exception, cache.set, 'big',
                  random.Random(2).randbytes(2000000))
    checks.equal(name + ': they are not stored', cache.get('big'), None)
    checks.equal(name + ': then it goes on', cache.get('made'), 'fresh')


def numbers(cache, name):
    cache.set('n', 40)
    checks.equal(name + ': incr', cache.incr('n', 2), 42)
    checks.equal(name + ': decr', cache.decr('n'), 41)
    checks.equal(name + ': incr by less than nothing', cache.incr('n', -1), 40)
    checks.equal(name + ': the number', cache.get('n'), 40)
    checks.raises(name + ': incr of nothing', ValueError, cache.incr, 'nothing')


def many_threads(cache, name):
    """Django gives each its own connections."""
    cache.set('shared', 0)

    def count():
        for _ in range(100):
            caches[name].incr('shared')
        caches[name].close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal(name + ': four threads count', cache.get('shared'), 400)


def times(cache, name):
    cache.set('soon', 'x', timeout=1)
    cache.set('never', 'there', timeout=None)
    cache.set('month', 'there', timeout=60 * DAY_S)         # as a date: it is over thirty days
    cache.set('past', 'x', timeout=-1)                      # by way of pylibmc, it is 4294967295
    cache.set('zero', 'x', timeout=0)
    checks.equal(name + ': what is not stored', cache.get_many(['past', 'zero']), {})
    checks.eventually(name + ': one second', lambda: cache.get('soon') is None)
    checks.equal(name + ': no end, and sixty days', cache.get_many(['never', 'month']),
                 {'never': 'there', 'month': 'there'})
    checks.true(name + ': touch', cache.touch('never', 1000))
    checks.equal(name + ': touch of nothing', cache.touch('nothing', 1000), False)
    checks.true(name + ': touch to one second', cache.touch('month', 1))
    checks.eventually(name + ': then it ends', lambda: cache.get('month') is None)
    checks.equal(name + ': the other does not', cache.get('never'), 'there')


def multis(cache, name):
    many = {'m%d' % i: {'number': i} for i in range(500)}
    checks.equal(name + ': set_many of 500', cache.set_many(many), [])
    checks.equal(name + ': get_many of 500', cache.get_many(many), many)
    checks.equal(name + ': with misses', cache.get_many(['no', 'm1']), {'m1': {'number': 1}})
    cache.delete_many(list(many)[:250])
    checks.equal(name + ': half of them deleted', cache.get_many(many),
                 {key: many[key] for key in list(many)[250:]})


def versions(cache, name):
    cache.set('version', 'two', version=2)
    checks.equal(name + ': no version 1', cache.get('version'), None)
    checks.equal(name + ': version 2', cache.get('version', version=2), 'two')
    checks.equal(name + ': incr_version', cache.incr_version('version', version=2), 3)
    checks.equal(name + ': it has moved', [cache.get('version', version=v) for v in (2, 3)],
                 [None, 'two'])


def sessions(alias, name):
    settings.SESSION_CACHE_ALIAS = alias
    session = SessionStore()
    session['user'] = 'alice'
    session['list'] = [1, 2, {'a': None}]
    session.save()
    again = SessionStore(session_key=session.session_key)
    checks.equal(name + ': a session', dict(again.items()),
                 {'user': 'alice', 'list': [1, 2, {'a': None}]})
    checks.true(name + ': it exists', again.exists(session.session_key))
    again.cycle_key()
    checks.equal(name + ': another key', SessionStore(session_key=again.session_key)['user'], 'alice')
    checks.equal(name + ': the old one is gone', again.exists(session.session_key), False)
    again.flush()
    checks.equal(name + ': flush', dict(SessionStore(session_key=session.session_key).items()), {})


def clear(cache, name):
    cache.clear()
    checks.equal(name + ': clear', cache.get_many(['v0', 'made', 'm400', 'n']), {})


def configure(addresses):
    places = {'one server': addresses[0], 'ring': addresses}
    if os.environ.get('UNIX_SOCKET'):
        places['unix socket'] = 'unix:' + os.environ['UNIX_SOCKET']
    caches = {'%s, %s' % (backend, place): {'BACKEND': BACKENDS[backend], 'LOCATION': location,
                                            'KEY_PREFIX': 'django'}
              for backend in BACKENDS for place, location in places.items()}
    first = dict(next(iter(caches.values())))
    settings.configure(CACHES=dict(caches, default=first), SECRET_KEY='for tests',
                       SESSION_ENGINE='django.contrib.sessions.backends.cache')
    django.setup()
    return list(caches)


def main(addresses):
    print('Django %s' % django.get_version())
    aliases = configure(addresses)
    for alias in aliases:
        cache = caches[alias]
        cache.clear()
        for test in (values, stores, numbers, many_threads, multis, versions):
            test(cache, alias)
        if alias.endswith('ring'):                          # it takes seconds
            times(cache, alias)
        sessions(alias, alias)
        clear(cache, alias)
    checks.finish()


main(sys.argv[1:])
