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


def finish():
    print('%(passed)d checks passed, %(failed)d failed' % _counts)
    sys.exit(1 if _counts['failed'] or not _counts['passed'] else 0)


def skip(why):
    print('skipped: %s' % why)
    sys.exit(77)


def host_and_port(address):
    host, port = address.rsplit(':', 1)
    return host, int(port)
