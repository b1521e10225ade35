"""pylibmc, the Python binding of libmemcached: SASL, binary protocol.

usage: use_sasl.py HOST:PORT ...

The servers let in SASL_USER with SASL_PASSWORD.
"""
import os
import socket
import sys

import checks

try:
    import pylibmc
except ImportError as error:
    checks.skip(error)
if not pylibmc.support_sasl:
    checks.skip('this libmemcached knows no SASL')

USER, PASSWORD = os.environ['SASL_USER'], os.environ['SASL_PASSWORD']


def client(addresses, user, password, **behaviors):
    return pylibmc.Client(addresses, binary=True, username=user, password=password,
                          behaviors=behaviors)


def works(addresses, user, name, **behaviors):
    c = client(addresses, user, PASSWORD, **behaviors)
    values = {'sasl-%d' % i: 'value %d' % i for i in range(300)}
    checks.true(name + ': set', c.set('key', 'value'))
    checks.equal(name + ': get', c.get('key'), 'value')
    checks.equal(name + ': a miss', c.get('nothing'), None)
    checks.true(name + ': set 900,000 bytes', c.set('big', b'x' * 900000))
    checks.equal(name + ': get 900,000 bytes', c.get('big'), b'x' * 900000)
    checks.equal(name + ': set_multi of 300', c.set_multi(values), [])
    checks.equal(name + ': get_multi of 300', c.get_multi(list(values)), values)
    checks.true(name + ': a counter', c.set('n', 10))
    checks.equal(name + ': incr', c.incr('n', 5), 15)
    checks.true(name + ': delete', c.delete('key'))
    c.disconnect_all()


def is_refused(addresses, user, password, name):
    c = client(addresses, user, password)
    checks.raises(name + ': set', pylibmc.Error, c.set, 'eve', 'x')
    checks.raises(name + ': get', pylibmc.Error, c.get, 'sasl-1')
    c.disconnect_all()


def value_or_none(c, key):
    """To a get, libmemcached may say that it has failed, or that there is no such key."""
    try:
        return c.get(key)
    except pylibmc.Error:
        return None


def without_login(addresses):
    for name, binary in ('without a login', True), ('in text', False):
        c = pylibmc.Client(addresses, binary=binary)
        checks.raises(name + ': set', pylibmc.Error, c.set, 'eve', 'x')
        checks.equal(name + ': get', value_or_none(c, 'sasl-1'), None)


def main(addresses):
    print('pylibmc %s, libmemcached %s' % (pylibmc.__version__, pylibmc.libmemcached_version))
    works(addresses, USER, 'the user')
    works(addresses, '%s@%s' % (USER, socket.gethostname()), 'the user and the host')
    works(addresses, USER, 'ketama', ketama=True)
    works(addresses, USER, 'no delay', tcp_nodelay=True)
    is_refused(addresses[:1], USER, PASSWORD + 'x', 'a wrong password')
    is_refused(addresses[:1], USER, PASSWORD[:-1], 'half of the password')
    is_refused(addresses[:1], 'nobody', PASSWORD, 'an unknown user')
    is_refused(addresses[:1], USER + '@elsewhere', PASSWORD, 'another realm')
    without_login(addresses[:1])
    many = [client(addresses, USER, PASSWORD) for _ in range(50)]
    checks.equal('fifty clients', [c.get('sasl-1') for c in many], ['value 1'] * 50)
    checks.equal('nothing was stored by those who may not',
                 client(addresses, USER, PASSWORD).get('eve'), None)
    checks.finish()


main(sys.argv[1:])
