<?php
// Stores the keys that come on standard input, one a line with %XX for a byte, through php-memcached.
//
// usage: php placement.php MODE HOST:PORT:WEIGHT ...
$modes = [
    'default' => [],
    'consistent' => [Memcached::OPT_DISTRIBUTION => Memcached::DISTRIBUTION_CONSISTENT],
    'ketama' => [Memcached::OPT_LIBKETAMA_COMPATIBLE => true],
    'ketama fnv1a_32' => [Memcached::OPT_LIBKETAMA_COMPATIBLE => true,
                          Memcached::OPT_HASH => Memcached::HASH_FNV1A_32],
];

$client = new Memcached();
foreach ($modes[$argv[1]] as $option => $value) {
    if (!$client->setOption($option, $value)) {
        fwrite(STDERR, "option $option: {$client->getResultMessage()}\n");
        exit(1);
    }
}
foreach (array_slice($argv, 2) as $server) {
    [$host, $port, $weight] = explode(':', $server);
    $client->addServer($host, (int)$port, (int)$weight);
}
foreach (file('php://stdin', FILE_IGNORE_NEW_LINES) as $line) {
    $key = rawurldecode($line);
    if (!$client->set($key, 'x')) {
        fwrite(STDERR, "$line: {$client->getResultMessage()}\n");
        exit(1);
    }
}
