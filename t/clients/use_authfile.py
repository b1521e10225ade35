"""pymemcache and pylibmc: the password file of the text protocol, whose login is a set.

usage: use_authfile.py HOST:PORT ...

The servers let in AUTH_USER with AUTH_PASSWORD.
"""
import os
import sys

import checks

try:
    import pylibmc
    from pymemcache.client.base import Client
    from pymemcache.exceptions import MemcacheClientError
except ImportError as error:
    checks.skip(error)

TOKEN = '%s %s' % (os.environ['AUTH_USER'], os.environ['AUTH_PASSWORD'])


def with_pymemcache(address):
    client = Client(checks.host_and_port(address))
    checks.raises('pymemcache: set before the login', MemcacheClientError, client.set, 'key', 'x',
                  noreply=False)
    client.close()
    checks.raises('pymemcache: a wrong password', MemcacheClientError, client.set, 'any',
                  TOKEN + 'x', noreply=False)
    checks.true('pymemcache: the login', client.set('any', TOKEN, noreply=False))
    checks.equal('pymemcache: which is not stored', client.get('any'), None)
    checks.true('pymemcache: set', client.set('key', 'value', noreply=False))
    checks.equal('pymemcache: get', client.get('key'), b'value')
    client.close()


def with_pylibmc(address):
    client = pylibmc.Client([address], binary=False)
    checks.true('pylibmc: the login', client.set('any', TOKEN))
    checks.equal('pylibmc: which is not stored', client.get('any'), None)
    values = {'key-%d' % i: 'value %d' % i for i in range(300)}
    checks.equal('pylibmc: set_multi of 300', client.set_multi(values), [])
    checks.equal('pylibmc: get_multi of 300', client.get_multi(list(values)), values)


def main(addresses):
    for address in addresses:
        with_pymemcache(address)
        with_pylibmc(address)
    checks.finish()


main(sys.argv[1:])
