<?php
// PHP's sessions, kept by php-memcached: in both protocols, on one server and on three, with locks.
//
// usage: php use_php_sessions.php HOST:PORT ...
//
// Each request of a session is a process, as it is in a web server: this program once more, with
// --request and what it is to do, which says on its standard output what has come of it.
require __DIR__ . '/checks.php';
if (!class_exists('Memcached')) {
    skip('the extension is not there');
}

const PREFIX = 'memc.sess.key.';
const PATIENT = ['memcached.sess_lock_wait_min' => 5, 'memcached.sess_lock_wait_max' => 20,
                 'memcached.sess_lock_retries' => 3000]; // some 30 s, for busy machines
const IMPATIENT = ['memcached.sess_lock_wait_min' => 5, 'memcached.sess_lock_wait_max' => 5,
                   'memcached.sess_lock_retries' => 3];

// ---- what a request does, in a process of its own ----

function count_up($times)
{
    for ($i = 0; $i < $times; $i++) {
        session_start() || exit(1);
        $n = $_SESSION['n'] ?? 0;
        usleep(500); // so that others would come in between if they could
        $_SESSION['n'] = $n + 1;
        session_write_close();
    }
}

// Answers with what $do made; without a session, with no answer.
function request($do, $id, $argument)
{
    session_id($id);
    if ($do === 'count') {
        count_up((int)$argument);
        $answer = 'counted';
    } elseif (!@session_start()) {
        exit(1);
    } elseif ($do === 'store') {
        $_SESSION = ['user' => $argument, 'n' => 0, 'list' => [1, ['a' => null]]];
        $answer = 'stored';
    } elseif ($do === 'store-large') {
        $_SESSION['large'] = str_repeat('0123456789', (int)$argument);
        $answer = 'stored';
    } elseif ($do === 'show') {
        $answer = json_encode($_SESSION);
    } elseif ($do === 'hold') { // the lock, until there is a line to read
        fwrite(STDOUT, "held\n");
        fgets(STDIN);
        $_SESSION['user'] = $argument;
        $answer = 'let go';
    } elseif ($do === 'rename') {
        session_regenerate_id(true);
        $answer = session_id();
    } else {
        session_destroy();
        $answer = 'destroyed';
    }
    session_write_close();
    fwrite(STDOUT, "$answer\n");
}

if (($argv[1] ?? '') === '--request') {
    request($argv[2], $argv[3], $argv[4] ?? '');
    exit(0);
}

// ---- what the test does ----

// Starts a request; gives the process and its pipes.
function start($settings, ...$arguments)
{
    $command = [PHP_BINARY];
    foreach ($settings as $name => $value) {
        array_push($command, '-d', "$name=$value");
    }
    array_push($command, __FILE__, '--request', ...$arguments);
    $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
    return [$process, $pipes];
}

// What a request answered, if it ended well; else false.
function answer($started)
{
    [$process, $pipes] = $started;
    fclose($pipes[0]);
    $answer = trim(stream_get_contents($pipes[1]));
    fclose($pipes[1]);
    return proc_close($process) === 0 ? $answer : false;
}

function ask($settings, ...$arguments)
{
    return answer(start($settings, ...$arguments));
}

function is_kept($name, $settings, $id, $servers)
{
    check("$name: a new session is empty", ask($settings, 'show', $id), '[]');
    check("$name: store", ask($settings, 'store', $id, 'alice'), 'stored');
    $want = '{"user":"alice","n":0,"list":[1,{"a":null}]}';
    check("$name: the next request sees it", ask($settings, 'show', $id), $want);
    check("$name: it is in the cache", strpos((string)look($servers, $id), 'user|s:5:"alice"'), 0);
    check("$name: another session does not see it", ask($settings, 'show', $id . 'x'), '[]');
    check("$name: 500,000 bytes", ask($settings, 'store-large', $id . 'y', '50000'), 'stored');
    $want = json_encode(['large' => str_repeat('0123456789', 50000)]);
    check("$name: come back", ask($settings, 'show', $id . 'y'), $want);
    $renamed = ask($settings, 'rename', $id);
    check("$name: a new id", strlen($renamed) >= 22 && $renamed !== $id, true);
    check("$name: the old one's session is no more", look($servers, $id), false);
    check("$name: the new one's is as before", json_decode(ask($settings, 'show', $renamed))->user,
        'alice');
    check("$name: destroy", ask($settings, 'destroy', $renamed), 'destroyed');
    check("$name: then there is nothing", look($servers, $renamed), false);
}

function is_locked($name, $settings, $id, $servers)
{
    ask($settings, 'store', $id, 'first');
    $holder = start($settings, 'hold', $id, 'second');
    check("$name: one request has the session", trim(fgets($holder[1][1])), 'held');
    check("$name: its lock is in the cache", look($servers, "lock.$id"), '1');
    check("$name: a second one gets none", ask(IMPATIENT + $settings, 'show', $id), false);
    check("$name: another session is free", ask(IMPATIENT + $settings, 'show', "{$id}z"), '[]');
    $waiter = start(PATIENT + $settings, 'show', $id);
    fwrite($holder[1][0], "\n");
    check("$name: the first one ends", answer($holder), 'let go');
    check("$name: who waited sees what it stored", json_decode(answer($waiter))->user, 'second');
    check("$name: nobody has the lock", look($servers, "lock.$id"), false);
}

// Without locks, updates would get lost.
function is_counted($name, $settings, $id)
{
    ask($settings, 'store', $id, 'counter');
    $running = [];
    for ($i = 0; $i < 4; $i++) {
        $running[] = start(PATIENT + $settings, 'count', $id, '50');
    }
    $answers = array_map('answer', $running);
    check("$name: four count to 50", $answers, array_fill(0, 4, 'counted'));
    check("$name: together to 200", json_decode(ask($settings, 'show', $id))->n, 200);
}

function session_settings($servers, $binary)
{
    return [
        'session.save_handler' => 'memcached',
        'session.save_path' => '"' . implode(',', $servers) . '"',
        'session.use_cookies' => 0,
        'session.cache_limiter' => '',
        'session.gc_maxlifetime' => 1000,
        'memcached.sess_locking' => 1,
        'memcached.sess_lock_expire' => 100,
        'memcached.sess_prefix' => PREFIX,
        'memcached.sess_binary_protocol' => $binary ? 1 : 0,
        'memcached.sess_consistent_hash' => 1,
        'memcached.sess_connect_timeout' => 5000,
        'memcached.compression_threshold' => 100000000,
    ];
}

// What is in the cache under the key of a session, whichever server has it; false if none has.
function look($servers, $key)
{
    foreach ($servers as $server) {
        [$host, $port] = explode(':', $server);
        $memcached = new Memcached();
        $memcached->addServer($host, (int)$port);
        $value = $memcached->get(PREFIX . $key);
        if ($value !== false) {
            return $value;
        }
    }
    return false;
}

$servers = array_slice($argv, 1);
foreach ([
    'text, one server' => [false, [$servers[0]]],
    'text, three servers' => [false, $servers],
    'binary, three servers' => [true, $servers],
] as $name => [$binary, $some]) {
    $id = preg_replace('/\W/', '', $name) . str_repeat('0', 10);
    $settings = session_settings($some, $binary);
    is_kept($name, $settings, $id . 'kept', $some);
    is_locked($name, $settings, $id . 'locked', $some);
    is_counted($name, $settings, $id . 'counted');
}
finish();
