#!/usr/bin/perl
# stampede.pl - a thousand requests for one key at one moment, over many connections to four workers: one
# client is told to make the item (W), all others that somebody does (Z).
#
#   t/net/stampede.pl --server src/ketchd [--long]
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Hostile;

use constant {
    WORKERS         => 4,
    REQUESTS        => 1000,
    CLIENTS         => 40,      # unless each request has a client of its own
    ROUNDS          => 30,
    ROUNDS_LONG     => 1000,
    VALUE           => 'yesterday',
};

# One round: every client has sent its requests before any reply is read.  Returns a complaint if not
# exactly one of them has won.
sub stampede
{
    my ($clients, $request, $size) = @_;
    send_all($_, "$request\r\n" x (REQUESTS / @$clients) . "mn\r\n") for @$clients;
    my %seen = (W => 0, Z => 0);
    for my $client (@$clients) {
        while ((my $line = receive_line($client) // return 'the server closed a connection') ne 'MN') {
            my ($bytes, $marks) = $line =~ /^VA (\d+)((?: [ZXW])*)$/ or return "'$line' to '$request'";
            receive_bytes($client, $bytes + 2);
            return "'$line' has the wrong length" if $bytes != $size;
            $seen{$_}++ for split ' ', $marks;
        }
    }
    return if $seen{W} == 1 && $seen{Z} == REQUESTS - 1;
    return "$seen{W} won and $seen{Z} were told to wait, of '$request'";
}

# prepare: what to do with the key before each round.
sub play
{
    my ($path, $flags, $size, $prepare, $count) = @_;
    my $server = start_server($path, '-t', WORKERS, '-c', REQUESTS + 100);
    my @clients = open_clients($server, $count // CLIENTS);
    my @complaints;
    my $rounds = long_run() ? ROUNDS_LONG : ROUNDS;
    for my $round (1 .. $rounds) {
        $prepare->($clients[0], "key$round");
        push @complaints, stampede(\@clients, "mg key$round $flags", $size);
        last if @complaints;
    }
    return @complaints, stop_server($server);
}

sub set_key
{
    my ($client, $key, $flags) = @_;
    send_all($client, sprintf "ms %s %d %s\r\n%s\r\n", $key, length VALUE, $flags, VALUE);
    my $reply = receive_line($client) // 'nothing';
    $reply eq 'HD' or die "ms says $reply\n";
}

scenario 'a thousand misses' => sub {
    my ($path) = @_;
    return play($path, 'v N30', 0, sub { });
};

scenario 'a thousand clients who miss' => sub {
    my ($path) = @_;
    return play($path, 'v N30', 0, sub { }, REQUESTS);
};

scenario 'a thousand hits of an item that is about to expire' => sub {
    my ($path) = @_;
    return play($path, 'v R3000', length VALUE, sub { set_key(@_, 'T2000') });
};

scenario 'a thousand hits of a stale item' => sub {
    my ($path) = @_;
    return play($path, 'v', length VALUE, sub {
        my ($client, $key) = @_;
        set_key($client, $key, '');
        ask($client, "md $key I") eq 'HD' or die "md does not mark it\n";
    });
};

run_scenarios();
