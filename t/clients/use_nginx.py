"""nginx: pages out of the cache by memcached_pass, from one server and from three, with connections
that are kept.

usage: use_nginx.py HOST:PORT ...
"""
import gzip
import http.client
import random
import shutil
import sys
import threading

import checks
from child import Child

try:
    from pymemcache.client.base import Client
except ImportError as error:
    checks.skip(error)

GZIP_FLAG = 2

# One process in the foreground, which writes nowhere but in its directory.
CONFIGURATION = '''
daemon off;
master_process off;
pid %(directory)s/pid;
error_log stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path %(directory)s/t1;
    proxy_temp_path %(directory)s/t2;
    fastcgi_temp_path %(directory)s/t3;
    uwsgi_temp_path %(directory)s/t4;
    scgi_temp_path %(directory)s/t5;
    default_type text/plain;
    memcached_read_timeout 30s;
    upstream one { server %(one)s; keepalive 8; }
    upstream ring {
        hash $memcached_key consistent;
        %(servers)s
        keepalive 8;
    }
    server {
        listen 127.0.0.1:%(port)d;
        set $memcached_key $uri;
        location /plain/ { memcached_pass %(one)s; }
        location /kept/ { memcached_pass one; }
        location /zip/ { memcached_pass one; memcached_gzip_flag %(flag)d; }
        location /else/ { memcached_pass one; error_page 404 = @made; }
        location /arguments/ { set $memcached_key $uri?$args; memcached_pass one; }
        location /ring/ {
            memcached_pass ring;
            memcached_next_upstream error not_found;
            memcached_next_upstream_tries 3;
        }
        location @made { return 200 "made for $uri"; }
    }
}
'''


def configuration(directory, port, addresses):
    return CONFIGURATION % {
        'directory': directory, 'port': port, 'one': addresses[0], 'flag': GZIP_FLAG,
        'servers': ' '.join('server %s max_fails=0;' % address for address in addresses)}


def get(connection, path, method='GET'):
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, body, answer.headers


def page(connection, path):
    return get(connection, path)[:2]


def pages(connection, cache, prefix):
    """Values of many sizes, those around nginx's buffers (4 or 8 KB) among them."""
    some = random.Random(1)
    values = {'size-%d' % size: some.randbytes(size)
              for size in (0, 1, 2, 100, 4000, 4095, 4096, 4097, 8191, 8192, 8193, 65536, 1000000)}
    values['lines'] = b'\r\nEND\r\nVALUE x 0 1\r\n\0'
    values['end'] = b'END\r\n'
    for name, value in values.items():
        checks.true('%s%s: stored' % (prefix, name), cache.set(prefix + name, value, noreply=False))
        checks.equal('%s%s: got' % (prefix, name), page(connection, prefix + name), (200, value))
        head = get(connection, prefix + name, 'HEAD')
        checks.equal('%s%s: its length' % (prefix, name), (head[0], head[2]['Content-Length']),
                     (200, str(len(value))))
    checks.equal(prefix + ': a miss', page(connection, prefix + 'nothing')[0], 404)
    checks.true(prefix + ': delete', cache.delete(prefix + 'lines', noreply=False))
    checks.equal(prefix + ': it is gone', page(connection, prefix + 'lines')[0], 404)
    checks.equal(prefix + ': the next one is there', page(connection, prefix + 'end'),
                 (200, values['end']))


def keys(connection, cache):
    """What a key must not have in it, nginx writes with a percent sign."""
    for path, key in (('/kept/a%20b', '/kept/a%20b'), ('/kept/50%25', '/kept/50%25'),
                      ('/kept/%c3%bc', b'/kept/\xc3\xbc'), ('/kept/' + 'k' * 200,) * 2):
        cache.set(key, b'found', noreply=False)
        checks.equal('%.40s: got' % path, page(connection, path), (200, b'found'))
    checks.equal('a key of 260 bytes', page(connection, '/kept/' + 'k' * 254)[0], 502)
    checks.equal('then it goes on', page(connection, '/kept/50%25'), (200, b'found'))
    cache.set('/arguments/x?a=1&b=2', b'with arguments', noreply=False)
    checks.equal('arguments', page(connection, '/arguments/x?a=1&b=2'), (200, b'with arguments'))
    checks.equal('other arguments', page(connection, '/arguments/x?a=1')[0], 404)


def flags(connection, cache):
    text = b'a text that is worth it ' * 1000
    cache.set('/zip/yes', gzip.compress(text), flags=GZIP_FLAG, noreply=False)
    cache.set('/zip/no', text, flags=1, noreply=False)
    status, body, headers = get(connection, '/zip/yes')
    checks.equal('compressed', (status, headers['Content-Encoding'], gzip.decompress(body)),
                 (200, 'gzip', text))
    status, body, headers = get(connection, '/zip/no')
    checks.equal('not compressed', (status, headers['Content-Encoding'], body), (200, None, text))
    checks.equal('a miss, made elsewhere', page(connection, '/else/x'), (200, b'made for /else/x'))
    cache.set('/else/x', b'cached', noreply=False)
    checks.equal('then it is cached', page(connection, '/else/x'), (200, b'cached'))


def ring(connection, caches):
    """Pages on any of the servers: nginx asks its own choice first, and the others after a miss."""
    values = {'/ring/%d' % i: b'page %d' % i for i in range(150)}
    for i, (key, value) in enumerate(values.items()):
        caches[i % len(caches)].set(key, value, noreply=False)
    checks.equal('150 pages on three servers', {key: page(connection, key)[1] for key in values},
                 values)
    checks.equal('on none of them', page(connection, '/ring/nothing')[0], 404)


def many_at_once(port, cache):
    """Eight connections ask for pages at one time, and each gets its own."""
    values = {'/kept/many-%d' % i: b'%d,' % i * (i * 50) for i in range(50)}
    cache.set_many(values, noreply=False)
    wrong = []

    def ask(start):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
        for i in range(100):
            path = '/kept/many-%d' % ((start + i * 7) % 50)
            if page(connection, path) != (200, values[path]):
                wrong.append(path)
        connection.close()

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checks.equal('eight at once', wrong, [])


def main(addresses):
    nginx = shutil.which('nginx') or shutil.which('nginx', path='/usr/sbin')
    if not nginx:
        checks.skip('no nginx')
    caches = [Client(checks.host_and_port(address), timeout=20) for address in addresses]
    with Child() as child:
        port, = child.start(
            [nginx, '-p', child.directory, '-c', child.path('conf'), '-e', 'stderr'], 1,
            lambda port: child.write('conf', configuration(child.directory, port, addresses)))
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
        pages(connection, caches[0], '/plain/')
        pages(connection, caches[0], '/kept/')
        keys(connection, caches[0])
        flags(connection, caches[0])
        ring(connection, caches)
        many_at_once(port, caches[0])
        connection.close()
        checks.equal('nginx ends', child.stop(), 0)
    checks.finish()


main(sys.argv[1:])
