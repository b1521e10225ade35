<?php
// php-memcached over libmemcached: text protocol, modula and ketama with weights, delayed reads,
// read-through.
//
// usage: php use_php.php HOST:PORT ...
if (!class_exists('Memcached')) {
    echo "skipped: the extension is not there\n";
    exit(77);
}
$passed = 0;
$failed = 0;

function check($what, $got, $want)
{
    global $passed, $failed;
    $good = $got === $want;
    $good ? $passed++ : $failed++;
    echo $good ? 'ok  ' : 'FAIL', "  $what\n";
    if (!$good) {
        printf("      got  %.300s\n", var_export($got, true));
        printf("      want %.300s\n", var_export($want, true));
    }
}

function client($addresses, $options)
{
    $client = new Memcached();
    $client->setOption(Memcached::OPT_BINARY_PROTOCOL, false);
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
    check("$name: which is not stored", $m->getResultCode(), Memcached::RES_NOTSTORED);
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

$servers = array_slice($argv, 1);
echo 'php-memcached ', phpversion('memcached'), "\n";
foreach ([
    'one server' => client([$servers[0]], []),
    'modula' => client($servers, [Memcached::OPT_DISTRIBUTION => Memcached::DISTRIBUTION_MODULA]),
    'ketama, weighted' => client($servers, [Memcached::OPT_LIBKETAMA_COMPATIBLE => true]),
    'prefix' => client($servers, [Memcached::OPT_PREFIX_KEY => 'p:']),
    'no block' => client($servers, [Memcached::OPT_NO_BLOCK => true]),
] as $name => $m) {
    basics($name, $m);
    uniques($name, $m);
    multis($name, $m);
    read_through($name, $m);
}
$one = client([$servers[0]], []);
$statistics = $one->getStats();
check('statistics', isset($statistics[$servers[0]]['cmd_get']), true);
check('version', preg_match('/^\d+\.\d+/', $one->getVersion()[$servers[0]]), 1);
echo "$passed checks passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);
