#!/usr/bin/perl
# udp.pl - requests and replies in datagrams, and senders of datagrams who mean no good.
#
#   t/net/udp.pl --server src/ketchd [--long] [--seed N] [SCENARIO ...]
#
# What needs addresses that are not of this machine runs in a network of its own (unshare -n), and is
# left out where that may not be made.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Datagrams;
use Hostile;
use IO::Socket::INET;
use List::Util qw(shuffle);
use Socket qw(SOL_SOCKET SO_BROADCAST);
use Time::HiRes qw(sleep time);

use constant {
    HEADER_BYTES => 8,
    WINDOW       => 32,    # requests under way: none may be lost for want of room
    SHADOW_KEYS  => 40,
    # opcodes
    GET     => 0x00,
    SET     => 0x01,
    NOOP    => 0x0a,
    VERSION => 0x0b,
    STAT    => 0x10,
};

sub client_of
{
    my ($server, %with) = @_;
    return Datagrams->new(port => $server->{udp_port}, %with);
}

# Complains unless the answer is as wanted.
sub wrong
{
    my ($client, $body, $want) = @_;
    my $got = $client->ask($body) // '(nothing)';
    return $got eq $want ? () : sprintf "'%.60s' was answered '%.200s', not '%.200s'", $body, $got, $want;
}

# Complains if there is an answer.
sub answered
{
    my ($client, $what, @datagrams) = @_;
    $client->send_raw($_) for @datagrams;
    my @replies = $client->raw_replies_so_far;
    return @replies ? sprintf("%s was answered: %.100s", $what, substr $replies[0], HEADER_BYTES) : ();
}

sub set_text
{
    my ($key, $value) = @_;
    return "set $key 0 0 " . length($value) . "\r\n$value\r\n";
}

sub value_text
{
    my ($key, $value) = @_;
    return "VALUE $key 0 " . length($value) . "\r\n$value\r\n";
}

sub binary
{
    my ($opcode, $opaque, $key, $extras, $value) = (@_, ('') x 3);
    return pack('CCnCCnNNx8', 0x80, $opcode, length $key, length $extras, 0, 0,
                length($key) + length($extras) + length $value, $opaque) . $extras . $key . $value;
}

# ---- ordinary requests ----

scenario 'off by default' => sub {
    my ($path) = @_;
    my $server = start_server($path);
    my $client = Datagrams->new(port => $server->{port});
    my $reply = eval { $client->ask("stats\r\n", 0.2) }; # refused by the system, or nothing comes
    return defined $reply ? 'stats were answered' : (), stop_server($server);
};

scenario 'a reply is one message' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $client = client_of($server);
    my @complaints = (
        wrong($client, set_text('a', 'x'), "STORED\r\n"),
        wrong($client, set_text('b', 'yy'), "STORED\r\n"),
        wrong($client, "get a\r\n", value_text('a', 'x') . "END\r\n"),
        wrong($client, "get a none b a\r\n", value_text('a', 'x') . value_text('b', 'yy')
            . value_text('a', 'x') . "END\r\n"),
        wrong($client, "get a\r\ndelete a\r\nget a\r\n", value_text('a', 'x') . "END\r\nDELETED\r\nEND\r\n"),
        wrong($client, "set c 0 0 1 noreply\r\nz\r\nget c\r\n", value_text('c', 'z') . "END\r\n"),
        wrong($client, binary(NOOP, 7), pack('CCx10Nx8', 0x81, NOOP, 7)),
    );
    return @complaints, stop_server($server);
};

scenario 'large values, and too large ones' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $client = client_of($server);
    my $socket = open_clients($server);
    my @complaints;
    for my $bytes (1, 1391 - 24, 5_000, 60_000, 100_000, 170_000) {
        my $value = value_of_size($bytes, "v$bytes");
        store($socket, 'k', $value);
        push @complaints, wrong($client, "get k\r\n", value_text('k', $value) . "END\r\n");
    }
    my $value = value_of_size(60_000, 'sent');
    push @complaints, wrong($client, set_text('k', $value), "STORED\r\n");
    push @complaints, wrong($client, "get k\r\n", value_text('k', $value) . "END\r\n");
    my $too_long = "SERVER_ERROR reply too large for UDP\r\n";
    store($socket, 'k', value_of_size(180_000));
    push @complaints, wrong($client, "get k\r\n", $too_long);
    store($socket, 'k', $value);
    push @complaints, wrong($client, "get k k k\r\n", $too_long);
    push @complaints, wrong($client, "get k\r\n", value_text('k', $value) . "END\r\n");
    return @complaints, stop_server($server);
};

scenario 'the limit of replies can be moved' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-o', 'udp_reply_max=2');
    my $client = client_of($server);
    my $most = 2 * 1392 - length "VALUE k 0 2700\r\n\r\nEND\r\n";
    my @complaints;
    for my $bytes ($most, $most + 1) {
        my $value = value_of_size($bytes);
        push @complaints, wrong($client, set_text('k', $value), "STORED\r\n");
        push @complaints, wrong($client, "get k\r\n", $bytes > $most
            ? "SERVER_ERROR reply too large for UDP\r\n" : value_text('k', $value) . "END\r\n");
    }
    return @complaints, stop_server($server);
};

# The id tells what a reply answers, whatever order things come in.
scenario 'in any order, and twice' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $client = client_of($server);
    my @complaints = map { wrong($client, set_text("k$_", "value $_"), "STORED\r\n") } 1 .. WINDOW;
    my @ids = shuffle(1 .. WINDOW);
    for my $id (@ids, reverse @ids) {
        $client->send_raw(Datagrams::frame(1000 + $id, "get k$id\r\n"));
    }
    my %replies;
    push @{$replies{unpack 'n', $_}}, substr $_, HEADER_BYTES for $client->raw_replies_so_far;
    for my $id (@ids) {
        my @got = @{$replies{1000 + $id} // []};
        push @complaints, "request $id was answered " . @got . ' times, with ' . join '|', @got
            if @got != 2 || grep { $_ ne value_text("k$id", "value $id") . "END\r\n" } @got;
    }
    return @complaints, stop_server($server);
};

scenario 'an address of IPv6' => sub {
    my ($path) = @_;
    IO::Socket::IP->new(Proto => 'udp', LocalHost => '::1') or return ();
    my ($port) = Datagrams::free_ports(1);
    my $server = Datagrams::start_server($path, '-l', "[::1]:$port");
    my $client = Datagrams->new(port => $port, host => '::1');
    return wrong($client, "mn\r\n", "MN\r\n"), stop_server($server);
};

# ---- listeners ----

# The complaint if a listener's clients do not have the protocol that they should.
sub wrong_protocol
{
    my ($what, $port, $text, $binary) = @_;
    # An answer that must come may take long; silence is believed soon.
    my ($text_s, $binary_s) = map { $_ ? 20 : 0.3 } $text, $binary;
    my $ask = sub {
        my ($bytes, $enough, $timeout_s) = @_;
        my $socket;
        # Another listener was found open; this one may be the next that is opened.
        wait_for(20, sub { $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") })
            or die "$what: no connection\n";
        send_all($socket, $bytes);
        return length(receive_bytes($socket, $enough, $timeout_s) // '');
    };
    my $got_text = $ask->("mn\r\n", 4, $text_s) == 4;
    my $got_binary = eval { $ask->(binary(VERSION, 7), 24, $binary_s) == 24 } // 0;
    my $client = Datagrams->new(port => $port);
    my $datagram_text = defined $client->ask("mn\r\n", $text_s);
    my $datagram_binary = defined $client->ask(binary(VERSION, 7), $binary_s);
    my @complaints;
    push @complaints, "$what: text over TCP" if $got_text != $text;
    push @complaints, "$what: text over UDP" if $datagram_text != $text;
    push @complaints, "$what: binary over TCP" if $got_binary != $binary;
    push @complaints, "$what: binary over UDP" if $datagram_binary != $binary;
    return @complaints;
}

scenario 'each listener has its protocol' => sub {
    my ($path) = @_;
    my (undef, @ports) = Datagrams::free_ports(5);
    my $list = "proto[ascii]:127.0.0.1:$ports[0],proto[binary]:127.0.0.1:$ports[1];"
             . "proto[negotiating]:tag[x]:127.0.0.1:$ports[2]";
    my $server = Datagrams::start_server($path, '-B', 'ascii', '-l', $list, '-l', "tag_y_:127.0.0.1:$ports[3]");
    return wrong_protocol('ascii', $ports[0], 1, 0), wrong_protocol('binary', $ports[1], 0, 1),
        wrong_protocol('negotiating', $ports[2], 1, 1), wrong_protocol('that of -B', $ports[3], 1, 0),
        stop_server($server);
};

# A server has all that a command may ask about before it answers the first.
scenario 'from the first moment' => sub {
    my ($path) = @_;
    my @complaints;
    for my $round (1 .. (long_run() ? 50 : 5)) {
        my $server = Datagrams::start_server($path); # which returns when a connection can be made
        for my $command ('stats', 'stats conns') {
            my $reply = client_of($server)->ask("$command\r\n") // '(nothing)';
            push @complaints, "$command: $reply" if $reply !~ /^STAT .*\nEND\r\n\z/s;
        }
        push @complaints, stop_server($server);
    }
    return @complaints;
};

# ---- figures ----

scenario 'what stats say' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-t', 3);
    my $client = client_of($server);
    my $socket = open_clients($server);
    my @names = qw(bytes_read bytes_written curr_connections total_connections);
    my @complaints;
    my ($read, $written, $now, $ever);
    # Three sockets, a connection, and the one that found the server ready.
    wait_for(5, sub {
        ($read, $written, $now, $ever) = stat_of($socket, @names);
        return $now == 4 && $ever == 5;
    }) or push @complaints, "$now connections, $ever ever";
    my ($read_then, $written_then) = stat_of($socket, @names);
    my $own_written = $written_then - $written;
    my $count = 100;
    $client->ask("get k\r\n") for 1 .. $count;
    ($read, $written) = stat_of($socket, @names);
    my $bytes_read = $read - $read_then - length "stats\r\n";
    push @complaints, "$bytes_read bytes were read" if $bytes_read != $count * (HEADER_BYTES + length "get k\r\n");
    my $bytes_written = $written - $written_then - $own_written;
    push @complaints, "$bytes_written bytes were written" # the numbers of 'stats' have other lengths each time
        if abs($bytes_written - $count * (HEADER_BYTES + length "END\r\n")) > 50;
    my @lines;
    send_all($socket, "stats conns\r\n");
    while ((my $line = receive_line($socket)) ne 'END') {
        push @lines, $line;
    }
    my @udp = map { /^STAT (\d+):UDP UDP$/ ? $1 : () } @lines;
    push @complaints, 'stats conns shows ' . @udp . ' sockets' if @udp != 3;
    for my $fd (@udp) {
        my $text = join "\n", grep { /^STAT $fd:/ } @lines;
        my $want = join "\n", map { "STAT $fd:$_" } 'UDP UDP', "addr udp:127.0.0.1:$server->{udp_port}",
            'state conn_read', 'secs_since_last_cmd';
        push @complaints, "stats conns says: $text" if $text !~ /\A\Q$want\E \d+\z/;
    }
    my %settings;
    send_all($socket, "stats settings\r\n");
    while ((my $line = receive_line($socket)) ne 'END') {
        $settings{$1} = $2 if $line =~ /^STAT (\S+) (.*)/;
    }
    push @complaints, "udpport $settings{udpport}" if $settings{udpport} != $server->{udp_port};
    push @complaints, "num_threads_per_udp $settings{num_threads_per_udp}"
        if $settings{num_threads_per_udp} != 3;
    return @complaints, stop_server($server);
};

scenario 'a port that is taken' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $second = eval { start_server($path, '-U', $server->{udp_port}) };
    my @complaints = $second ? 'a second server shares the port' : ();
    push @complaints, "it says: $@" if !$second && $@ !~ /failed to listen on .*Address already in use/;
    $second->kill_now if $second;
    return @complaints, stop_server($server);
};

# ---- hostile frames ----

# One datagram each, none of which may be answered.
sub frames_without_answer
{
    my $request = "set a 0 0 1\r\nx\r\nget a\r\n";
    my @frames = map { ["the first $_ bytes of a request", substr Datagrams::frame(1, $request), 0, $_] }
        0 .. HEADER_BYTES;
    push @frames, ["a datagram of $_ in all", Datagrams::frame(1, $request, total => $_)]
        for 0, 2, 3, 255, 256, 65535;
    # As a client would that thinks requests may be put together.
    push @frames, ['the first half of a set', Datagrams::frame(1, "set a 0 0 10\r\nabc", total => 2)],
        ['the second half', Datagrams::frame(1, "defghij\r\n", sequence => 1, total => 2)],
        ['a set without its end', Datagrams::frame(1, "set a 0 0 10\r\nabc")],
        ['a line without its end', Datagrams::frame(1, 'stats')],
        ['60 KB without an end of line', Datagrams::frame(1, 'x' x 60_000)],
        ['60 KB of spaces', Datagrams::frame(1, 'get ' . ' ' x 60_000)],
        ['a long get without its end', Datagrams::frame(1, 'get' . ' k' x 30_000)],
        ['quit', Datagrams::frame(1, "quit\r\n")],
        ['a request for a page', Datagrams::frame(1, "GET / HTTP/1.1\r\n\r\n")],
        ['half a binary header', Datagrams::frame(1, substr binary(VERSION, 1), 0, 23)],
        ['a binary set without its value', Datagrams::frame(1, substr binary(SET, 1, 'a', "\0" x 8, 'x' x 10), 0, -1)];
    return @frames;
}

scenario 'frames that get no answer' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-v');
    my $client = client_of($server);
    my @complaints = map { answered($client, @$_) } frames_without_answer();
    push @complaints, wrong($client, "get a\r\n", "END\r\n");
    push @complaints, wrong($client, "set a 0 0 2147483645\r\nabc\r\n",
                            "SERVER_ERROR object too large for cache\r\n");
    return @complaints, stop_server($server);
};

# Whatever we say is thrown back at us, from the address of a client.
scenario 'a client who repeats what we say' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $client = client_of($server);
    my @requests = (set_text('a', 'version'), set_text('b', "x\r\nversion\r\nget b"), "get a b none\r\n",
        "get a\r\n", "gets a\r\n", "incr a 1\r\n", set_text('n', '12345'), "incr n 1\r\n", "delete none\r\n",
        "touch a 0\r\n", "version\r\n", "stats\r\n", "stats settings\r\n", "stats items\r\n", "verbosity 0\r\n",
        "me a\r\n", "me none\r\n", "mn\r\n", "mg a v\r\n", "ms a 1\r\nx\r\n", "get " . 'k' x 251 . "\r\n",
        "set a 0 0 x\r\n", "lru_crawler metadump all\r\n", "watch\r\n", "flush_all\r\n",
        binary(GET, 1, 'none'), binary(VERSION, 1), binary(0x99, 1), binary(STAT, 1));
    my @complaints;
    for my $request (@requests) {
        $client->send_raw(Datagrams::frame(1, $request));
        my $rounds = 0;
        for (my @said; $rounds < 5 && (@said = $client->raw_replies_so_far); $rounds++) {
            $client->send_raw($_) for @said;
        }
        push @complaints, sprintf "'%.30s' begins an endless conversation", $request if $rounds >= 3;
    }
    return @complaints, stop_server($server);
};

scenario 'keys are not dumped, nothing is watched' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my $client = client_of($server);
    $client->ask(set_text('a', 'x'));
    my @complaints;
    for my $command ('lru_crawler metadump all', 'lru_crawler mgdump all', 'stats cachedump 1 0',
                     'watch fetchers') {
        my $reply = $client->ask("$command\r\n", 0.3) // 'ERROR';
        push @complaints, "'$command' was answered '$reply'" if $reply !~ /^(?:CLIENT_)?ERROR/;
    }
    push @complaints, wrong($client, "get a\r\n", value_text('a', 'x') . "END\r\n");
    return @complaints, stop_server($server);
};

scenario 'random bytes' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-t', 2);
    my $client = client_of($server);
    my @good = ("get a b\r\n", set_text('a', 'xyz'), binary(SET, 1, 'a', "\0" x 8, 'xyz'), binary(GET, 1, 'a'),
        "incr n 1\r\n", "mg a v k s\r\n", "stats\r\n");
    my $end = time + duration_s(3, 30);
    my $sent = 0;
    while (time < $end) {
        for (1 .. WINDOW) {
            my $body = $good[rand @good];
            for (1 .. int rand 4) {
                substr($body, int rand length $body, 1) = chr int rand 256;
            }
            my $datagram = Datagrams::frame(int rand 65536, $body);
            substr($datagram, int rand length $datagram, 1) = chr int rand 256 if rand() < 0.3;
            $datagram = substr $datagram, 0, int rand length $datagram if rand() < 0.2;
            $client->send_raw($datagram);
            $sent++;
        }
        $client->raw_replies(0.001);
    }
    $client->raw_replies(0.2);
    print "      $sent datagrams\n";
    return wrong(client_of($server), "mn\r\n", "MN\r\n"), stop_server($server);
};

# ---- many ----

# A request on keys of our own, and the reply that it must get.
sub shadow_request
{
    my ($shadow, $prefix) = @_;
    my $key = "$prefix-" . int rand SHADOW_KEYS;
    my $dice = rand;
    if ($dice < 0.35) {
        my $value = value_of_size(rand() < 0.05 ? int rand 20_000 : int rand 100, int rand 1e6);
        $shadow->{$key} = $value;
        return set_text($key, $value), "STORED\r\n" if rand() < 0.8;
        return set_text($key, $value) =~ s/^([^\r]*)/$1 noreply/r . "mn\r\n", "MN\r\n";
    }
    if ($dice < 0.45) {
        my $was = delete $shadow->{$key};
        return "delete $key\r\n", defined $was ? "DELETED\r\n" : "NOT_FOUND\r\n";
    }
    if ($dice < 0.55 && defined $shadow->{$key}) {
        $shadow->{$key} .= '+';
        return "append $key 0 0 1\r\n+\r\n", "STORED\r\n";
    }
    my @keys = map { "$prefix-" . int rand SHADOW_KEYS } 1 .. ($dice < 0.8 ? 1 : 1 + int rand 10);
    return "get @keys\r\n",
        join('', map { defined $shadow->{$_} ? value_text($_, $shadow->{$_}) : () } @keys) . "END\r\n";
}

sub noise
{
    my @frames = frames_without_answer();
    return $frames[rand @frames][1];
}

# Clients with keys of their own, requests of which some are under way at once, and rubbish in between.
# One client's requests are executed in the order in which they were sent.
scenario 'random requests against a shadow' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path);
    my @clients = map { {client => client_of($server), shadow => {}, prefix => "s$_"} } 1 .. 4;
    my $wanted = long_run() ? 200_000 : 10_000;
    my ($done, $bytes) = (0, 0);
    while ($done < $wanted) {
        for my $c (@clients) {
            my @under_way;
            for (1 .. WINDOW / 4) {
                $c->{client}->send_raw(noise()) if rand() < 0.1;
                my ($body, $want) = shadow_request($c->{shadow}, $c->{prefix});
                push @under_way, [$c->{client}->say($body), $body, $want];
            }
            for my $request (@under_way) {
                my ($id, $body, $want) = @$request;
                my $got = $c->{client}->reply($id) // '(nothing)';
                return sprintf("'%.60s' was answered '%.100s' instead of '%.100s'", $body, $got, $want),
                    stop_server($server) if $got ne $want;
                $bytes += length $got;
                $done++;
            }
        }
    }
    printf "      %d requests, %.1f MB of replies\n", $done, $bytes / 1e6;
    return stop_server($server);
};

# A burst of requests for much, by somebody who does not read, must not keep others waiting.
scenario 'a client who asks for much and does not read' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-t', 1);
    my $socket = open_clients($server);
    store($socket, 'k', value_of_size(100_000));
    my $deaf = client_of($server);
    my $client = client_of($server);
    my ($worst_s, @complaints) = (0);
    my $end = time + duration_s(2, 20);
    while (time < $end) {
        $deaf->send_raw(Datagrams::frame(1, "get k\r\n")) for 1 .. 20;
        my $began = time;
        push @complaints, wrong($client, "get none\r\n", "END\r\n");
        my $s = time - $began;
        $worst_s = $s if $s > $worst_s;
        last if @complaints;
    }
    printf "      the slowest answer to somebody else took %.1f ms\n", 1000 * $worst_s;
    push @complaints, 'others had to wait too long' if $worst_s > 1 && !sanitized($server);
    push @complaints, sprintf 'RSS %.1f MB', rss_mb($server) if rss_mb($server) > 80 && !sanitized($server);
    return @complaints, stop_server($server);
};

# While one TCP client is half way through uploads that take all the memory, and others store.
scenario 'when memory is short' => sub {
    my ($path) = @_;
    my $server = Datagrams::start_server($path, '-m', 8, '-I', '2m', '-t', 2);
    my @hoarders = open_clients($server, 12);
    send_some($_, "set h 0 0 1000000\r\n" . 'x' x 900_000, 0.05) for @hoarders;
    my $client = client_of($server);
    my %replies;
    for my $i (1 .. 300) {
        my $reply = $client->ask(set_text("k$i", 'v' x (rand() < 0.5 ? 20_000 : 100))) // '(nothing)';
        $replies{$reply}++;
    }
    my $good = delete $replies{"STORED\r\n"};
    delete $replies{"SERVER_ERROR out of memory$_\r\n"} for ' storing object', '';
    my @complaints = map { "$replies{$_} sets: $_" } sort keys %replies;
    my $stores = sub { $client->ask(set_text('k', 'v' x 20_000)) eq "STORED\r\n" };
    wait_for(10, $stores) or push @complaints, 'silent clients are let keep all the memory';
    return @complaints, stop_server($server);
};

scenario 'the end comes in the middle of it' => sub {
    my ($path) = @_;
    my @complaints;
    for my $round (1 .. (long_run() ? 50 : 5)) {
        my $server = Datagrams::start_server($path);
        my $client = client_of($server);
        $client->ask(set_text('k', value_of_size(50_000)));
        $client->say("get k\r\n") for 1 .. 200;
        push @complaints, stop_server($server);
    }
    return @complaints;
};

# ---- addresses ----

# Runs a scenario of the second list in a network of its own.
sub in_own_network
{
    my ($path, $name, @addresses) = @_;
    my $setup = join ' && ', 'ip link set lo up', map { "ip addr add $_ dev lo" } @addresses;
    return () if system("unshare --net --map-root-user true 2>/dev/null") != 0 && print "      skipped\n";
    my $output = `unshare --net --map-root-user sh -c '$setup && exec "$^X" "$0" --server "$path" "inside: $name"' 2>&1`;
    return $output =~ /^1 passed, 0 failed$/m ? () : $output;
}

scenario 'public senders are not answered' => sub {
    return in_own_network($_[0], 'public', '203.0.113.1/32', '2001:db8::1/128', '10.1.2.3/32', 'fd00::1/128');
};

scenario 'inside: public' => sub {
    my ($path) = @_;
    my @complaints;
    for my $public (0, 1) {
        my ($port) = Datagrams::free_ports(1);
        my $server = Datagrams::start_server($path, '-l', "*:$port", '-t', 1,
                                  $public ? ('-o', 'udp_public') : ());
        for my $local ('127.0.0.1', '10.1.2.3', '203.0.113.1', '::1', 'fd00::1', '2001:db8::1') {
            my $client = Datagrams->new(port => $port, local => $local, host => $local);
            my $is_answered = defined $client->ask("mn\r\n", 0.3) || 0;
            my $must = $public || $local !~ /^203|^2001/ || 0;
            push @complaints, "$local with udp_public $public: answered $is_answered" if $is_answered != $must;
        }
        push @complaints, 'the operator is not told' if !$public && $server->log_text !~ /203\.0\.113\.1 is not answered/;
        push @complaints, stop_server($server);
    }
    return @complaints;
}, part => 1;

scenario 'replies come from where requests went' => sub {
    return in_own_network($_[0], 'whence', '10.1.2.3/32', '10.1.2.4/32', 'fd00::1/128', 'fd00::2/128');
};

# A client's socket is connected: it takes nothing from another address.
scenario 'inside: whence' => sub {
    my ($path) = @_;
    my ($port) = Datagrams::free_ports(1);
    my $server = Datagrams::start_server($path, '-l', "*:$port");
    my @complaints;
    for my $pair (['127.0.0.1', '127.0.0.77'], ['10.1.2.3', '10.1.2.4'], ['10.1.2.3', '127.0.0.1'],
                  ['fd00::1', 'fd00::2'], ['::1', 'fd00::2']) {
        my ($local, $host) = @$pair;
        my $client = Datagrams->new(port => $port, local => $local, host => $host);
        push @complaints, map { "from $local to $host: $_" } wrong($client, "mn\r\n", "MN\r\n");
    }
    # To everybody at once: nobody answers.
    my $all = IO::Socket::INET->new(Proto => 'udp', Broadcast => 1) or die "no socket: $!\n";
    for my $address ('127.255.255.255') {
        $all->send(Datagrams::frame(1, "mn\r\n"), 0, Socket::pack_sockaddr_in($port, Socket::inet_aton($address)))
            or die "send to $address: $!\n";
        my $bits = '';
        vec($bits, fileno $all, 1) = 1;
        push @complaints, "a datagram to $address was answered" if select $bits, undef, undef, 0.2;
    }
    return @complaints, stop_server($server);
}, part => 1;

run_scenarios();
