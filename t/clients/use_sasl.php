<?php
// php-memcached over libmemcached: SASL, binary protocol.
//
// usage: php use_sasl.php HOST:PORT ...
//
// The servers let in SASL_USER with SASL_PASSWORD.
require __DIR__ . '/checks.php';
if (!class_exists('Memcached') || !Memcached::HAVE_SASL) {
    skip('the extension is not there, or knows no SASL');
}

function client($addresses, $user, $password)
{
    $client = new Memcached();
    $client->setOption(Memcached::OPT_BINARY_PROTOCOL, true);
    $client->setSaslAuthData($user, $password);
    foreach ($addresses as $address) {
        [$host, $port] = explode(':', $address);
        $client->addServer($host, (int)$port);
    }
    return $client;
}

$addresses = array_slice($argv, 1);
[$user, $password] = [getenv('SASL_USER'), getenv('SASL_PASSWORD')];
foreach ([$user, $user . '@' . gethostname()] as $name) {
    $m = client($addresses, $name, $password);
    check("$name: set", $m->set('key', ['a' => 1]), true);
    check("$name: get", $m->get('key'), ['a' => 1]);
    check("$name: a miss", $m->get('nothing'), false);
    check("$name: and why", $m->getResultCode(), Memcached::RES_NOTFOUND);
    $values = [];
    for ($i = 0; $i < 200; $i++) {
        $values["key-$i"] = str_repeat('x', $i);
    }
    check("$name: setMulti", $m->setMulti($values), true);
    $got = $m->getMulti(array_keys($values));
    ksort($got);
    ksort($values);
    check("$name: getMulti", $got, $values);
}
foreach ([[$user, "x$password"], ['nobody', $password]] as [$name, $wrong]) {
    $m = client(array_slice($addresses, 0, 1), $name, $wrong);
    check("$name, refused: set", $m->set('eve', 1), false);
    check("$name, refused: why", $m->getResultCode(), Memcached::RES_AUTH_FAILURE);
    check("$name, refused: get", $m->get('key-1'), false);
}
finish();
