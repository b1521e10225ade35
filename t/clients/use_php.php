<?php
// php-memcached over libmemcached: both protocols, modula and ketama with weights, delayed reads,
// read-through.  In its binary protocol, counters begin with a number if they are not there.
//
// usage: php use_php.php HOST:PORT ...
require __DIR__ . '/checks.php';
if (!class_exists('Memcached')) {
    skip('the extension is not there');
}

function client($addresses, $options)
{
    $client = new Memcached();
    $client->setOption(Memcached::OPT_CONNECT_TIMEOUT, 5000);
    $client->setOptions($options);
    foreach ($addresses as $i => $address) {
        [$host, $port] = explode(':', $address);
        $client->addServer($host, (int)$port, $i + 1);
    }
    return $client;
}

function basics($name, $m)
{
    check("$name: flush", $m->flush(), true);
    check("$name: a miss", $m->get('nothing'), false);
    check("$name: and why", $m->getResultCode(), Memcached::RES_NOTFOUND);
    $values = ['text', '', 42, 1.5, true, null, ['a' => [1, 2]], "\0\r\nEND\r\n",
               str_repeat('abc', 30000)];
    foreach ($values as $value) {
        $what = substr(var_export($value, true), 0, 20);
        check("$name: set $what", $m->set('t', $value), true);
        check("$name: get $what", $m->get('t'), $value);
    }
    check("$name: add of what is there", $m->add('t', 1), false);
    $why = $m->getOption(Memcached::OPT_BINARY_PROTOCOL) ? Memcached::RES_DATA_EXISTS
        : Memcached::RES_NOTSTORED;
    check("$name: which is not stored", $m->getResultCode(), $why);
    check("$name: replace of nothing", $m->replace('nothing', 1), false);
    $m->setOption(Memcached::OPT_COMPRESSION, false);
    check("$name: set to append", $m->set('a', 'mid'), true);
    check("$name: append", $m->append('a', 'end'), true);
    check("$name: prepend", $m->prepend('a', 'start'), true);
    check("$name: what came together", $m->get('a'), 'startmidend');
    $m->setOption(Memcached::OPT_COMPRESSION, true);
    check("$name: touch", $m->touch('a', 100), true);
    check("$name: delete", $m->delete('a'), true);
    check("$name: delete of nothing", $m->delete('a'), false);
    check("$name: a counter", $m->set('n', 10), true);
    check("$name: increment", $m->increment('n', 5), 15);
    check("$name: decrement", $m->decrement('n', 100), 0);
    check("$name: increment of nothing", $m->increment('nothing'), false);
    if ($m->getOption(Memcached::OPT_BINARY_PROTOCOL)) {
        check("$name: increment with a first number", $m->increment('first', 5, 7), 7);
        check("$name: and again", $m->increment('first', 5, 7), 12);
        check("$name: decrement with a first number", $m->decrement('second', 1, 3, 1000), 3);
    }
}

function times($name, $m)
{
    check("$name: set for a second", $m->set('soon', 'x', 1), true);
    check("$name: set for a thousand", $m->set('later', 'x', 1000), true);
    check("$name: set for the past", $m->set('past', 'x', time() - 10), true);
    check("$name: set for the past", $m->set('past', 'x', time() - 10), true);
    for ($wait = 0; $wait < 400 && $m->get('soon') !== false; $wait++) {
        usleep(50000);
    }
    check("$name: the first ends", $m->get('soon'), false);
    check("$name: the second does not", $m->get('later'), 'x');
    check("$name: the third has never been", $m->get('past'), false);
    if (!$m->getOption(Memcached::OPT_BINARY_PROTOCOL)) { // where -1 is a date far away
        check("$name: set for less than no time", $m->set('past', 'x', -1), true);
        check("$name: that has never been either", $m->get('past'), false);
    }
}

function uniques($name, $m)
{
    $m->set('c', 'one');
    $got = $m->get('c', null, Memcached::GET_EXTENDED);
    check("$name: the value with its unique", $got['value'], 'one');
    check("$name: cas", $m->cas($got['cas'], 'c', 'two'), true);
    check("$name: cas again", $m->cas($got['cas'], 'c', 'three'), false);
    check("$name: somebody was faster", $m->getResultCode(), Memcached::RES_DATA_EXISTS);
}

function multis($name, $m)
{
    $values = [];
    for ($i = 0; $i < 500; $i++) {
        $values["m$i"] = "value $i";
    }
    check("$name: setMulti of 500", $m->setMulti($values), true);
    $got = $m->getMulti(array_keys($values), Memcached::GET_PRESERVE_ORDER);
    check("$name: getMulti of 500", $got, $values);
    check("$name: getDelayed", $m->getDelayed(array_keys($values)), true);
    $fetched = [];
    while ($row = $m->fetch()) {
        $fetched[$row['key']] = $row['value'];
    }
    ksort($fetched);
    ksort($values);
    check("$name: what fetch brings", $fetched, $values);
    $deleted = $m->deleteMulti(array_keys($values));
    check("$name: deleteMulti", count(array_keys($deleted, true, true)), 500);
}

function read_through($name, $m)
{
    $fill = function ($memc, $key, &$value) {
        $value = "made for $key";
        return true;
    };
    check("$name: read-through", $m->get('through', $fill), 'made for through');
    check("$name: it was stored", $m->get('through'), 'made for through');
}

function everything($protocol, $servers, $options)
{
    $one = client([$servers[0]], $options);
    $kinds = [
        'one server' => $one,
        'modula' => client($servers,
            $options + [Memcached::OPT_DISTRIBUTION => Memcached::DISTRIBUTION_MODULA]),
        'ketama, weighted' => client($servers,
            $options + [Memcached::OPT_LIBKETAMA_COMPATIBLE => true]),
        'prefix' => client($servers, $options + [Memcached::OPT_PREFIX_KEY => 'p:']),
        'no block' => client($servers, $options + [Memcached::OPT_NO_BLOCK => true]),
    ];
    foreach ($kinds as $kind => $m) {
        $name = "$protocol, $kind";
        basics($name, $m);
        uniques($name, $m);
        multis($name, $m);
        read_through($name, $m);
    }
    times($protocol, client($servers, $options));
    $statistics = $one->getStats();
    check("$protocol: statistics", isset($statistics[$servers[0]]['cmd_get']), true);
    check("$protocol: version", preg_match('/^\d+\.\d+/', $one->getVersion()[$servers[0]]), 1);
}

$servers = array_slice($argv, 1);
echo 'php-memcached ', phpversion('memcached'), "\n";
foreach (['text' => false, 'binary' => true] as $protocol => $binary) {
    everything($protocol, $servers, [Memcached::OPT_BINARY_PROTOCOL => $binary]);
}
finish();
