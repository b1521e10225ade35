"""What the Python clients' tests share: checks that say what they saw, and a verdict at the end."""
import sys
import time

# What waits for time to pass asks again and again for this long: a busy machine may be late.
EVENTUALLY_S = 20

_counts = {'passed': 0, 'failed': 0}


def equal(what, got, want):
    """Prints whether 'got' is 'want'; a difference fails the test, but does not end it."""
    good = got == want
    _counts['passed' if good else 'failed'] += 1
    print('%s  %s' % ('ok  ' if good else 'FAIL', what))
    if not good:
        print('      got  %.300r\n      want %.300r' % (got, want))


def true(what, value):
    equal(what, bool(value), True)


def eventually(what, function):
    """Checks that function() becomes true within EVENTUALLY_S."""
    deadline = time.monotonic() + EVENTUALLY_S
    while not function() and time.monotonic() < deadline:
        time.sleep(0.05)
    true(what, function())


def raises(what, exception, function, *arguments, **more):
    try:
        result = function(*arguments, **more)
    except exception:
        return equal(what, 'raised', 'raised')
    except Exception as error:                 # noqa: whatever it is, it is the wrong one
        return equal(what, repr(error), exception)
    equal(what, result, exception)


def pymemcache_basics(name, client):
    """What any server must answer to pymemcache, behind a proxy or not."""
    equal(name + ': a miss', client.get('nothing'), None)
    true(name + ': set', client.set('key', b'value', noreply=False))
    equal(name + ': get', client.get('key'), b'value')
    equal(name + ': add of what is there', client.add('key', b'x', noreply=False), False)
    equal(name + ': replace of nothing', client.replace('no', b'x', noreply=False), False)
    true(name + ': append', client.append('key', b'+', noreply=False))
    true(name + ': prepend', client.prepend('key', b'-', noreply=False))
    equal(name + ': what came together', client.get('key'), b'-value+')
    true(name + ': touch', client.touch('key', 100, noreply=False))
    equal(name + ': touch of nothing', client.touch('no', 100, noreply=False), False)
    true(name + ': delete', client.delete('key', noreply=False))
    equal(name + ': delete of nothing', client.delete('key', noreply=False), False)
    true(name + ': a counter', client.set('n', b'10', noreply=False))
    equal(name + ': incr', client.incr('n', 5), 15)
    equal(name + ': decr', client.decr('n', 100), 0)
    equal(name + ': incr of nothing', client.incr('no', 1), None)


def finish():
    print('%(passed)d checks passed, %(failed)d failed' % _counts)
    sys.exit(1 if _counts['failed'] or not _counts['passed'] else 0)


def skip(why):
    print('skipped: %s' % why)
    sys.exit(77)


def host_and_port(address):
    host, port = address.rsplit(':', 1)
    return host, int(port)
