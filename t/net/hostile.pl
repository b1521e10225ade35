#!/usr/bin/perl
# hostile.pl - clients that do their worst: a server must stay up, serve everybody else, and hold no
# more memory than it was given.
#
#   t/net/hostile.pl --server src/ketchd [--long] [--seed N] [SCENARIO ...]
#
# --long adds what takes a minute or a gigabyte; --list shows the scenarios.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Hostile;
use List::Util qw(max);
use Shadow;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(sleep time);

# What a server may use beyond its limit: itself, its workers' buffers, and 'connections' clients.
sub too_much_memory
{
    my ($server, $limit_mb, $connections) = @_;
    return () if sanitized($server);
    my $allowed_mb = 1.05 * $limit_mb + 8 + $connections * 0.001;
    my $peak_mb = peak_rss_mb($server);
    return $peak_mb <= $allowed_mb ? () : sprintf 'a peak of %.1f MB, allowed %.1f', $peak_mb, $allowed_mb;
}

sub nobody_is_left
{
    my ($server, $socket) = @_;
    my $connections = -1;
    return () if wait_for(10, sub { ($connections = stat_of($socket, 'curr_connections')) == 1 });
    return "$connections connections are left";
}

# Sets of all sizes by a client who has done nothing wrong.
sub everybody_else_can_store
{
    my ($socket, $count, $bytes_max) = @_;
    my %replies;
    for (1 .. $count) {
        my $value = value_of_size(int(exp(rand log $bytes_max)), $_);
        my $reply = store($socket, "good$_", $value);
        $replies{$reply}++;
        next unless $reply eq 'STORED';
        send_all($socket, "get good$_\r\n");
        my $header = receive_line($socket);
        next if $header eq 'END'; # evicted already: that is a cache's right
        $replies{'a wrong value'}++ if receive_bytes($socket, length $value) ne $value;
        receive_line($socket);
        receive_line($socket);
    }
    delete $replies{STORED};
    return map { "$replies{$_} of $count sets: $_" } sort keys %replies;
}

# ---- uploads ----

# 'sent' bytes of 'announced' on each connection, and then nothing.
sub half_uploads
{
    my ($path, $count, $announced, $sent, @args) = @_;
    my $server = start_server($path, '-m', 64, '-c', $count + 100, @args);
    my $good = open_clients($server);
    my @bad = open_clients($server, $count);
    for my $i (0 .. $#bad) {
        send_all($bad[$i], "set half$i 0 0 $announced\r\n" . 'x' x $sent);
    }
    my @complaints = everybody_else_can_store($good, 1000, 900_000);
    push @complaints, too_much_memory($server, 64, $count);
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
}

scenario 'half-uploads' => sub { half_uploads($_[0], 1000, 1_048_000, 1) };
scenario 'half-uploads-of-one-chunk' => sub { half_uploads($_[0], 1000, 20_000, 1) }, slow => 1;
scenario 'half-uploads-that-hold-all-memory' => sub { half_uploads($_[0], 1000, 1_000_000, 100_000) };
scenario 'half-uploads-of-small-values' => sub { half_uploads($_[0], 1000, 100, 1) }, slow => 1;

# Who has waited for memory once, and got it, waits as long the next time: the time between does not count.
scenario 'half-uploads-that-hold-all-memory-twice' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my @good = open_clients($server, 8);
    my @complaints;
    for my $round (1, 2) {
        my $began = time;
        my @bad = open_clients($server, 600);
        send_all($bad[$_], "set half$_ 0 0 1000000\r\n" . 'x' x 120_000) for 0 .. $#bad;
        my $bytes = 2000 * $round; # of classes that have no page yet
        send_all($good[$_], "set good$_ 0 0 $bytes\r\n" . 'v' x $bytes . "\r\n"), $bytes += 5000 for 0 .. $#good;
        my @replies = map { receive_line($_) } @good;
        push @complaints, map { "set $round: $_" } grep { $_ ne 'STORED' } @replies;
        @bad = ();
        sleep max(0, $began + 5 - time) if $round == 1; # longer than a store waits
    }
    @good = $good[0];
    push @complaints, nobody_is_left($server, @good);
    return @complaints, stop_server($server);
};

# The same, but a byte comes now and then.
scenario 'half-uploads-that-trickle' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64, '-c', 1100);
    my $good = open_clients($server);
    my @bad = open_clients($server, 1000);
    send_all($bad[$_], "set half$_ 0 0 1000000\r\n" . 'x' x 100_000) for 0 .. $#bad;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        while (kill 0, getppid) {
            send_some($_, 'x') for @bad;
            sleep 0.1;
        }
        POSIX::_exit(0);
    }
    my @complaints = everybody_else_can_store($good, 300, 900_000);
    kill 'TERM', $pid;
    waitpid $pid, 0;
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
}, slow => 1;

# Sizes around every place where a value changes its form: one chunk or several, the last one full.
scenario 'slow-uploaders' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my @sizes = (0, 1, 2, 32_768 * 1, 65_536, 98_304, 131_072, 1_000_000);
    my (@jobs, @complaints);
    for my $i (0 .. 23) {
        my $size = $sizes[$i % @sizes] + int(rand 200) - 100;
        $size = 0 if $size < 0;
        my $value = value_of_size($size, "s$i");
        push @jobs, {socket => scalar open_clients($server), key => "slow$i", value => $value, at => 0,
                     text => "set slow$i $i 0 $size\r\n$value\r\nget slow$i\r\n"};
    }
    while (my @open = grep { $_->{at} < length $_->{text} } @jobs) {
        my $job = $open[rand @open];
        my $n = rand() < 0.5 ? 1 + int rand 8 : 1 + int rand 50_000;
        $job->{at} += send_some($job->{socket}, substr($job->{text}, $job->{at}, $n), 5);
    }
    for my $job (@jobs) {
        my $socket = $job->{socket};
        my $bytes = length $job->{value};
        my $reply = receive_line($socket);
        push @complaints, "$job->{key}, $bytes bytes: $reply" if $reply ne 'STORED';
        push @complaints, "$job->{key}, $bytes bytes: another value came back"
            if receive_line($socket) !~ /^VALUE $job->{key} \d+ $bytes$/
            || receive_bytes($socket, $bytes) ne $job->{value};
    }
    return @complaints, stop_server($server);
};

# A login has to be there as a whole, and may have 16 KB; before it nobody knows who sends that.
scenario 'half-logins' => sub {
    my ($path) = @_;
    my $dir = File::Temp->newdir('hostile-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;
    open my $file, '>', "$dir/users" or die "$dir/users: $!\n";
    print $file "alice:secret\n";
    close $file;
    my $server = start_server($path, '-m', 64, '-c', 2000, '-Y', "$dir/users");
    my $before_mb = rss_mb($server);
    my @bad = open_clients($server, 1000);
    send_some($_, "set x 0 0 16384\r\n" . 'x' x 16_000) for @bad;
    my $good = open_clients($server);
    my $reply = (send_all($good, "set x 0 0 12\r\nalice secret\r\n"), receive_line($good))[1];
    my @complaints = $reply eq 'STORED' ? () : "a login: $reply";
    push @complaints, never_rests($server);
    my $grown_mb = rss_mb($server) - $before_mb;
    push @complaints, sprintf 'RSS grew by %.1f MB', $grown_mb if $grown_mb > 10 && !sanitized($server);
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    return @complaints, stop_server($server);
};

# ---- clients that do not read ----

# 'request' again and again on many connections until the server takes no more of it.
sub non_readers
{
    my ($path, $count, $request, $store) = @_;
    my $server = start_server($path, '-m', 64);
    my $good = open_clients($server);
    $store->($good);
    my $before_mb = rss_mb($server);
    my @bad = open_clients($server, $count);
    setsockopt $_, SOL_SOCKET, SO_RCVBUF, 16_384 for @bad; # or the kernel keeps megabytes for each
    for my $round (1 .. 10) {
        send_some($_, $request, 0.001) for @bad;
    }
    my @complaints;
    my $grown_mb = rss_mb($server) - $before_mb;
    push @complaints, sprintf 'RSS grew by %.1f MB', $grown_mb if $grown_mb > 16 && !sanitized($server);
    push @complaints, never_rests($server);
    push @complaints, slow_for_others($good);
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
}

# What can be sent is sent some time, and then there is nothing to do.
sub never_rests
{
    my ($server) = @_;
    my $cpu_s;
    my $rests = wait_for(sanitized($server) ? 200 : 60, sub {
        $cpu_s = cpu_s($server);
        sleep 0.3;
        return ($cpu_s = cpu_s($server) - $cpu_s) < 0.03;
    });
    return $rests ? () : "the server is busy ($cpu_s s of 0.3) while nobody asks";
}

# The median of some round trips.
sub slow_for_others
{
    my ($socket) = @_;
    my @times;
    for (1 .. 200) {
        my $began = time;
        ask($socket, 'mn');
        push @times, time - $began;
    }
    my $median_ms = 1000 * (sort { $a <=> $b } @times)[100];
    return $median_ms < 5 ? () : sprintf 'others wait %.1f ms', $median_ms;
}

sub store_many
{
    my ($bytes, $count) = @_;
    return sub { store($_[0], "v$_", value_of_size($bytes, $_)) for 1 .. $count };
}

scenario 'non-readers-of-1-mb' => sub {
    non_readers($_[0], 50, "get v1 v2 v3\r\n" x 1000, store_many(1_000_000, 3));
};
# Each keeps another value from being given up, all of them together the whole cache.
scenario 'non-readers-that-hold-all-memory' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my $good = open_clients($server);
    my @bad = open_clients($server, 80);
    for my $i (0 .. $#bad) {
        setsockopt $bad[$i], SOL_SOCKET, SO_RCVBUF, 16_384;
        store($good, "held$i", value_of_size(1_000_000, $i));
        send_all($bad[$i], "get held$i\r\n" x 20);
    }
    my @complaints = everybody_else_can_store($good, 300, 900_000);
    push @complaints, too_much_memory($server, 64, 80);
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
};

# What is kept for each must be little when they are many.
scenario 'non-readers-1,000' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64, '-c', 2000);
    my $good = open_clients($server);
    store($good, "v$_", value_of_size(1000, $_)) for 1 .. 100;
    my $before_mb = rss_mb($server);
    my @bad = open_clients($server, 1000);
    my $request = join '', map { 'get v' . (1 + $_ % 100) . "\r\n" } 1 .. 10_000;
    setsockopt $_, SOL_SOCKET, SO_RCVBUF, 16_384 for @bad;
    for (1 .. 3) {
        send_some($_, $request) for @bad;
    }
    my @complaints = never_rests($server);
    push @complaints, slow_for_others($good);
    my $grown_mb = rss_mb($server) - $before_mb;
    push @complaints, sprintf 'RSS grew by %.1f MB', $grown_mb if $grown_mb > 40 && !sanitized($server);
    @bad = ();
    push @complaints, nobody_is_left($server, $good);
    return @complaints, stop_server($server);
};

scenario 'non-readers-of-30-kb' => sub {
    non_readers($_[0], 50, join('', map { "get v$_\r\n" } 1 .. 100) x 20, store_many(30_000, 100));
}, slow => 1;
scenario 'non-readers-of-100-b' => sub {
    non_readers($_[0], 50, join('', map { "get v$_\r\n" } 1 .. 1000) x 20, store_many(100, 1000));
}, slow => 1;
scenario 'non-readers-of-200,000-keys' => sub {
    non_readers($_[0], 20, 'get ' . join(' ', map { 'v' . $_ % 1000 } 1 .. 200_000) . "\r\n",
                store_many(100, 1000));
};
scenario 'non-readers-of-reports' => sub {
    non_readers($_[0], 50, "stats\r\nstats conns\r\nstats cachedump 5 0\r\nlru_crawler metadump all\r\n" x 100,
                store_many(100, 10_000));
}, slow => 1;


# ---- lines without an end ----

# Nothing is kept of what can be no command; a line that is a retrieval may go on for ever.
scenario 'endless-lines' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my $megabytes = sanitized($server) ? 8 : 64; # what is kept would show at once
    my $good = open_clients($server);
    my @complaints;
    for (['letters', '', 'a', 1], ['NULs', '', "\0", 1], ['spaces', '', ' ', 1], ['a key', 'get ', 'k', 0],
         ['spaces behind get', 'get', ' ', 0], ['keys', 'get', ' none', 0], ['keys of gat', 'gat 0', ' none', 0],
         ['a key of mg', 'mg ', 'k', 1], ['flags of mg', 'mg k', ' v', 1]) {
        my ($what, $begin, $piece, $closes) = @$_;
        my $before_mb = rss_mb($server);
        my $client = open_clients($server);
        my $megabyte = substr $piece x 1_000_000, 0, 1_000_000;
        my $open = send_all($client, $begin);
        $open &&= send_all($client, $megabyte) for 1 .. $megabytes;
        my $grown_mb = rss_mb($server) - $before_mb;
        push @complaints, sprintf '%s: RSS grew by %.1f MB', $what, $grown_mb if $grown_mb > 2 && !sanitized($server);
        push @complaints, "$what: the connection was closed" if !$open && !$closes;
        push @complaints, "$what: it is all taken" if $open && $closes;
        push @complaints, "$what: others are not served" if ask($good, 'mn') ne 'MN';
    }
    push @complaints, nobody_is_left($server, $good);
    return @complaints, stop_server($server);
};

# ---- clients that vanish ----

# Says 'text' up to each of many places, and closes there: at once, or when some of the answer has come.
sub close_everywhere
{
    my ($server, $text, $places) = @_;
    for my $i (0 .. $places) {
        my $socket = open_clients($server);
        my $end = int(length($text) * $i / $places);
        send_some($socket, substr($text, 0, $end), 1);
        if ($i % 3 == 1) {
            eval { receive_bytes($socket, 1 + int rand 100, 0.01) };
        } elsif ($i % 3 == 2) {
            setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; # a reset
        }
    }
}

scenario 'closing-at-every-point' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my $good = open_clients($server);
    store($good, 'large', value_of_size(1_000_000));
    store($good, "k$_", value_of_size(20_000, $_)) for 1 .. 50;
    my $mixed = "set a 0 0 5\r\nhello\r\nget a\r\nincr a 1\r\nset b 1 2 70000\r\n"
              . value_of_size(70_000) . "\r\nget a b c\r\nappend b 0 0 2\r\nxy\r\ndelete a\r\nstats\r\nmn\r\n";
    close_everywhere($server, $mixed, 300);
    close_everywhere($server, "get large\r\n" x 50, 50);
    close_everywhere($server, "stats conns\r\nstats\r\n" x 50, 50);
    close_everywhere($server, 'get ' . join(' ', map { 'k' . $_ % 60 } 1 .. 3000) . "\r\n", 50);
    close_everywhere($server, "set large 0 0 1000000\r\n" . value_of_size(1_000_000) . "\r\n", 50);
    my @complaints = nobody_is_left($server, $good);
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
};

# ---- many requests ----

# A random command, and its exact answer.  'known' is what the client has stored.
sub random_command
{
    my ($known, $prefix) = @_;
    my $key = $prefix . int rand 50;
    my $kind = int rand 10;
    if ($kind < 3) {
        my $value = value_of_size(int rand 200, int rand 1000);
        $known->{$key} = $value;
        return ("set $key 0 0 " . length($value) . "\r\n$value\r\n", "STORED\r\n");
    } elsif ($kind < 8) {
        my $value = $known->{$key};
        return ("get $key\r\n",
                defined $value ? "VALUE $key 0 " . length($value) . "\r\n$value\r\nEND\r\n" : "END\r\n");
    } elsif ($kind == 8) {
        return ("delete $key\r\n", defined delete $known->{$key} ? "DELETED\r\n" : "NOT_FOUND\r\n");
    }
    return ("set $key 0 0 3 noreply\r\nabc\r\nbogus\r\n", "ERROR\r\n", $known->{$key} = 'abc');
}

# Writes until nothing more goes, and only then reads what has come.
scenario 'pipeline-of-100,000' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my @complaints;
    my @pipes = map {
        my ($prefix, $ask, $expect, %known) = ("p$_-", '', '');
        for (1 .. 50_000) {
            my ($question, $answer) = random_command(\%known, $prefix);
            $ask .= $question;
            $expect .= $answer;
        }
        {socket => scalar open_clients($server), ask => $ask, expect => $expect, at => 0, got => ''}
    } 1 .. 2;
    my $deadline = time + 30;
    while (grep { length $_->{got} < length $_->{expect} } @pipes) {
        for my $pipe (@pipes) {
            $pipe->{at} += send_some($pipe->{socket}, substr($pipe->{ask}, $pipe->{at}), 0.05);
        }
        for my $pipe (@pipes) {
            1 while sysread $pipe->{socket}, $pipe->{got}, 1 << 20, length $pipe->{got};
        }
        return 'no answer for 30 s' if time > $deadline;
    }
    for my $pipe (@pipes) {
        next if $pipe->{got} eq $pipe->{expect};
        ($pipe->{got} ^ $pipe->{expect}) =~ /^\0*/;
        push @complaints, "a wrong answer at byte $+[0]: " . substr $pipe->{got}, $+[0], 100;
    }
    return @complaints, stop_server($server);
};

scenario 'one-byte-per-write' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my $socket = open_clients($server);
    my (%known, @complaints);
    for (1 .. 300) {
        my ($question, $answer) = random_command(\%known, 'b');
        send_all($socket, $_) for split //, $question;
        my $got = receive_bytes($socket, length $answer);
        return "after " . substr($question, 0, 60) . ": $got" if $got ne $answer;
    }
    return stop_server($server);
};

# ---- connections ----

scenario 'connections-2,000' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64, '-c', 4000);
    my ($good, $other) = open_clients($server, 2);
    my $before_mb = rss_mb($server);
    my @idle = open_clients($server, 2000);
    my @complaints;
    # The system connects them before the server accepts them.
    my $count;
    wait_for(10, sub { ($count = stat_of($good, 'curr_connections')) == 2002 })
        or push @complaints, "curr_connections is $count";
    my $bytes = 1e6 * (rss_mb($server) - $before_mb) / 2000;
    push @complaints, sprintf '%d bytes for an idle connection', $bytes
        if $bytes > 1000 && !sanitized($server);
    for (1 .. 5) {
        send_all($good, "stats conns\r\n");
        my $lines = 0;
        while ((my $line = receive_line($good)) ne 'END') {
            $lines++;
            push @complaints, "stats conns: $line" if $line !~ /^STAT \d+:\w+ \S+$/;
        }
        push @complaints, "stats conns has $lines lines" if $lines < 8000;
    }
    # All of them want that report, and none of them reads it.
    setsockopt $_, SOL_SOCKET, SO_RCVBUF, 16_384 for @idle;
    send_all($_, "stats conns\r\n" x 20) for @idle;
    push @complaints, "curr_connections is $count" if ($count = stat_of($good, 'curr_connections')) != 2002;
    push @complaints, never_rests($server);
    push @complaints, slow_for_others($good);
    my $rss_mb = rss_mb($server);
    push @complaints, sprintf 'RSS %.1f MB while 2000 clients do not read their reports', $rss_mb
        if $rss_mb > 64 && !sanitized($server);
    @idle = ();
    undef $other;
    push @complaints, nobody_is_left($server, $good);
    return @complaints, stop_server($server);
}, slow => 1;

scenario 'connection-churn' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my $good = open_clients($server);
    my $count = long_run() ? 20_000 : 4000;
    my $before_mb;
    for my $i (1 .. $count) {
        $before_mb = rss_mb($server) if $i == int($count / 2);
        my $socket = open_clients($server);
        if ($i % 4 == 0) {
            send_all($socket, "set churn$i 0 0 100\r\n" . 'x' x ($i % 100));
        } elsif ($i % 4 == 1) {
            return "mn: no MN" if ask($socket, 'mn') ne 'MN';
        } elsif ($i % 4 == 2) {
            send_all($socket, "quit\r\n");
        }
    }
    my @complaints = nobody_is_left($server, $good);
    my $grown_mb = rss_mb($server) - $before_mb;
    push @complaints, sprintf 'RSS grew by %.1f MB', $grown_mb if $grown_mb > 1 && !sanitized($server);
    my $total = stat_of($good, 'total_connections');
    push @complaints, "total_connections is $total" if $total < $count;
    return @complaints, stop_server($server);
};

sub too_many_connections
{
    my ($path, @args) = @_;
    my $server = start_server($path, '-m', 64, '-c', 64, @args);
    my (@kept, %answered, @complaints);
    for (1 .. 200) {
        my $socket = open_clients($server);
        send_all($socket, "mn\r\n");
        push @kept, $socket;
    }
    my $listen = sub {
        for my $socket (grep { !$answered{$_} } @kept) {
            $answered{$socket} = 1 if (eval { receive_line($socket, 0) } // '') eq 'MN';
        }
        return keys %answered >= 62;
    };
    wait_for(5, $listen);
    sleep 0.2;
    $listen->();
    my $answered = keys %answered;
    push @complaints, "$answered of 200 were answered" if $answered > 64 || $answered < 62;
    my $cpu_s = cpu_s($server);
    sleep 0.5;
    $cpu_s = cpu_s($server) - $cpu_s;
    push @complaints, "$cpu_s s of CPU time in 0.5 s" if $cpu_s > 0.05 && !sanitized($server);
    # As soon as some go, others come in.
    splice @kept, 0, 40;
    splice @kept, 20; # those who still wait at the door
    push @complaints, 'nobody is let in after others have left'
        unless wait_for(5, sub {
            my $new = open_clients($server);
            send_all($new, "mn\r\n");
            return (eval { receive_line($new, 0.2) } // '') eq 'MN';
        });
    @kept = ();
    push @complaints, nobody_is_left($server, scalar open_clients($server)) if sleep 0.1;
    return @complaints, stop_server($server);
}

scenario 'maxconns' => sub { too_many_connections($_[0]) }, slow => 1;
scenario 'maxconns-not-fast' => sub { too_many_connections($_[0], '-o', 'no_maxconns_fast') };

# The limit of open files falls under what the server has been promised.
scenario 'no-descriptors-left' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64, '-c', 200);
    my $good = open_clients($server);
    system('prlimit', '--pid', $server->{pid}, '--nofile=60:60') == 0 or return 'prlimit does not work';
    my @kept = open_clients($server, 80);
    my $cpu_s = cpu_s($server);
    sleep 1;
    $cpu_s = cpu_s($server) - $cpu_s;
    my @complaints;
    push @complaints, "$cpu_s s of CPU time in 1 s" if $cpu_s > 0.05 && !sanitized($server);
    my $lines = () = $server->log_text =~ /\n/g;
    push @complaints, "$lines lines in the log" if $lines > 5;
    push @complaints, 'others are not served' if ask($good, 'mn') ne 'MN';
    splice @kept, 0, 60;
    my $new = open_clients($server);
    push @complaints, 'nobody is let in after others have left' if ask($new, 'mn') ne 'MN';
    @kept = ();
    undef $new;
    push @complaints, nobody_is_left($server, $good);
    return @complaints, stop_server($server);
};

# A server that may not raise the limit serves as many as it allows, or says why it cannot start.
scenario 'few-descriptors-from-the-start' => sub {
    my ($path) = @_;
    my @complaints;
    for my $limit (20, 64, 256) {
        my $script = File::Temp->new(TEMPLATE => 'hostile-XXXXXX', TMPDIR => 1);
        print $script "#!/bin/sh\nexec setpriv --bounding-set=-sys_resource ",
            "prlimit --nofile=$limit:$limit '$path' \"\$@\"\n";
        close $script;
        chmod 0755, $script->filename;
        my $server = eval { start_server($script->filename, '-m', 64, '-c', 1024) };
        if (!$server) {
            push @complaints, "limit $limit: $@" if $@ !~ /open files leave no room/;
            next;
        }
        my @kept = open_clients($server, $limit + 50);
        my $cpu_s = cpu_s($server);
        sleep 0.5;
        $cpu_s = cpu_s($server) - $cpu_s;
        push @complaints, "limit $limit: $cpu_s s of CPU time in 0.5 s" if $cpu_s > 0.05;
        push @complaints, 'no word of it in the log' if $server->log_text !~ /-c 1024 is lowered to/;
        push @complaints, "limit $limit: not served" if ask($kept[0], 'mn') ne 'MN';
        push @complaints, stop_server($server);
    }
    return @complaints;
}, slow => 1;

scenario 'idle-timeout' => sub {
    my ($path) = @_;
    my $server = Wire::Server->start(path => $path, listen => 'tcp',
                                     args => ['-m', 64, '-o', 'idle_timeout=1']);
    my ($silent, $half, $good) = open_clients($server, 3);
    my @complaints;
    push @complaints, 'no MN' if ask($silent, 'mn') ne 'MN';
    send_all($half, "set half 0 0 100000\r\nx");
    my $began = time;
    my %open = (silent => $silent, half => $half);
    while (%open && time < $began + 10) {
        push @complaints, 'an active connection was closed' if (ask($good, 'mn') // '') ne 'MN';
        sleep 0.1;
        for (keys %open) {
            delete $open{$_} if defined(my $n = sysread $open{$_}, my $bytes, 100);
        }
    }
    push @complaints, "$_: not closed" for keys %open;
    push @complaints, sprintf 'closed after %.1f s', time - $began if time - $began < 1;
    my $kicks = stat_of($good, 'idle_kicks');
    push @complaints, "idle_kicks $kicks" if $kicks != 2;
    return @complaints, stop_server($server);
};

scenario 'idle-timeout-not-for-unix' => sub {
    my ($path) = @_;
    my $server = Wire::Server->start(path => $path, listen => 'unix',
                                     args => ['-m', 64, '-o', 'idle_timeout=1']);
    my $socket = open_clients($server);
    sleep 3.5;
    my @complaints = (ask($socket, 'mn') // '') eq 'MN' ? () : 'it was closed';
    my $kicks = stat_of(scalar open_clients($server), 'idle_kicks');
    push @complaints, "idle_kicks $kicks" if $kicks != 0;
    return @complaints, stop_server($server);
};


# ---- memory ----

# Random commands with checked answers, for a while; 'meanwhile' is called between them.
sub storm
{
    my ($server, $seconds, $with, $meanwhile) = @_;
    my @clients = map {
        Shadow->new(socket => scalar open_clients($server), prefix => "c$_-", %$with)
    } 1 .. 4;
    my $end = time + $seconds;
    while (time < $end) {
        for my $client (@clients) {
            my @complaints = $client->step;
            return @complaints if @complaints;
        }
        my @complaints = $meanwhile ? $meanwhile->() : ();
        return @complaints if @complaints;
    }
    my %sum;
    for my $client (@clients) {
        $sum{$_} += $client->{$_} for qw(operations hits lookups refused);
    }
    printf "      %d operations, %.0f %% hits, %d refused\n", $sum{operations},
        100 * $sum{hits} / ($sum{lookups} || 1), $sum{refused};
    return 'nothing was found' if $sum{hits} == 0;
    return 'half of all was refused' if $sum{refused} > 0.2 * $sum{operations};
    return ();
}

sub storm_in_little_memory
{
    my ($path, $limit_mb, $bytes_max) = @_;
    my $server = start_server($path, '-m', $limit_mb);
    my @complaints = storm($server, duration_s(1, 20), {
        keys => 500 * $limit_mb, size => sub { int exp rand log $bytes_max }, may_lack_memory => 1});
    push @complaints, too_much_memory($server, $limit_mb, 10);
    return @complaints, stop_server($server);
}

# Where the largest value is a small part of memory, none that fits -I may be refused.  Ten minutes:
# hostile.pl --seconds 600 storm-of-sizes.
scenario 'storm-of-sizes' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my @complaints = storm($server, duration_s(5, 20), {
        keys => 5000, size => sub { int exp rand log 1_000_000 }});
    my ($evictions, $moved) = stat_of(scalar open_clients($server), 'evictions', 'slabs_moved');
    printf "      %d evictions, %d pages moved\n", $evictions, $moved;
    push @complaints, too_much_memory($server, 64, 10);
    return @complaints, stop_server($server);
}, slow => 1;
scenario 'storm-of-sizes-in-2-mb' => sub { storm_in_little_memory($_[0], 2, 200_000) };
scenario 'storm-of-sizes-in-8-mb' => sub { storm_in_little_memory($_[0], 8, 1_000_000) }, slow => 1;

scenario 'flush-storm' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my ($flusher) = open_clients($server);
    my ($flushes, $longest_s) = (0, 0);
    my @complaints = storm($server, duration_s(1, 20), {keys => 1000}, sub {
        my $began = time;
        my $reply = ask($flusher, rand() < 0.9 ? 'flush_all' : 'flush_all 1');
        $longest_s = time - $began if time - $began > $longest_s;
        $flushes++;
        return $reply eq 'OK' ? () : "flush_all: $reply";
    });
    printf "      %d flushes, the longest took %.1f ms\n", $flushes, 1000 * $longest_s;
    push @complaints, "a flush took $longest_s s" if $longest_s > 0.5 && !sanitized($server);
    return @complaints, stop_server($server);
};

scenario 'limit-up-and-down' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 64);
    my ($operator) = open_clients($server);
    my $next = time;
    my @complaints = storm($server, duration_s(2, 30), {keys => 5000, may_lack_memory => 1}, sub {
        return () if time < $next;
        $next = time + 0.05;
        my $limit_mb = 8 + int rand 100;
        my $reply = ask($operator, "cache_memlimit $limit_mb");
        return $reply eq 'OK' ? () : "cache_memlimit $limit_mb: $reply";
    });
    push @complaints, too_much_memory($server, 108, 10);
    ask($operator, 'cache_memlimit 8');
    my $rss_mb;
    push @complaints, sprintf 'RSS is still %.1f MB at a limit of 8', $rss_mb
        unless sanitized($server) || wait_for(10, sub { ($rss_mb = rss_mb($server)) < 18 });
    ask($operator, 'cache_memlimit 64');
    push @complaints, memory_came_back($server, 64, 0.7);
    return @complaints, stop_server($server);
};

# Without eviction the server says no, keeps what it has, and takes more when there is room again.
scenario 'full-without-eviction' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', 16, '-M');
    my $socket = open_clients($server);
    my (%size_of, @complaints, %refused);
    for my $i (1 .. 5000) {
        my $bytes = int exp rand log 200_000;
        my $reply = store($socket, "full$i", value_of_size($bytes, $i));
        if ($reply eq 'STORED') {
            $size_of{$i} = $bytes;
        } elsif ($reply =~ /^SERVER_ERROR out of memory/) {
            $refused{$i} = 1;
        } else {
            return "set: $reply";
        }
    }
    push @complaints, 'nothing was refused' if !%refused;
    for my $i (keys %size_of) {
        send_all($socket, "get full$i\r\n");
        my $line = receive_line($socket);
        return "full$i: $line" if $line ne "VALUE full$i 0 $size_of{$i}";
        return "full$i: another value" if receive_bytes($socket, $size_of{$i}) ne value_of_size($size_of{$i}, $i);
        receive_line($socket) for 1 .. 2;
    }
    for my $i (keys %refused) {
        return "full$i: it was refused, and is there" if ask($socket, "get full$i") ne 'END';
    }
    ask($socket, "delete full$_") for keys %size_of;
    my $stored = grep { store($socket, "again$_", value_of_size(100_000)) eq 'STORED' } 1 .. 100;
    push @complaints, "of 100 values only $stored were stored after all else was deleted" if $stored < 100;
    push @complaints, too_much_memory($server, 16, 1);
    return @complaints, stop_server($server);
}, slow => 1;

sub huge_value
{
    my ($path, $limit_mb, $item_bytes_max, $bytes) = @_;
    my $server = start_server($path, '-m', $limit_mb, '-I', $item_bytes_max);
    my ($socket, $other) = open_clients($server, 2);
    my $value = value_of_size($bytes);
    my (@complaints, %took);
    my $step = sub {
        my ($name, $code) = @_;
        my $began = time;
        my $complaint = $code->();
        $took{$name} = time - $began;
        push @complaints, "$name: $complaint" if $complaint;
    };
    my $get = sub {
        my ($want) = @_;
        send_all($socket, "get huge\r\n");
        my $line = receive_line($socket);
        return $line if $line ne 'VALUE huge 0 ' . length $want;
        my $same = receive_bytes($socket, length $want) eq $want;
        receive_line($socket) for 1 .. 2;
        return $same ? '' : 'another value';
    };
    my $store = sub { store($socket, 'huge', $value) eq 'STORED' ? '' : 'not stored' };
    $step->(set => $store);
    $step->(get => sub { $get->($value) });
    $step->(append => sub {
        my $reply = (send_all($socket, "append huge 0 0 3\r\nend\r\n"), receive_line($socket))[1];
        return $reply eq 'STORED' ? $get->($value . 'end') : $reply;
    });
    $step->(fill => sub { store($other, "small$_", value_of_size(1000, $_)) for 1 .. 100_000; '' });
    $step->(replace => $store);
    $step->(prepend => sub {
        my $reply = (send_all($socket, "prepend huge 0 0 3\r\nend\r\n"), receive_line($socket))[1];
        return $reply eq 'STORED' ? $get->('end' . $value) : $reply;
    });
    print '      ', join(', ', map { sprintf '%s %.1f s', $_, $took{$_} } sort keys %took), "\n";
    push @complaints, too_much_memory($server, $limit_mb, 2);
    return @complaints, stop_server($server);
}

scenario 'value-of-200-mb' => sub { huge_value($_[0], 512, '256m', 200_000_000) }, slow => 1;
# The test itself takes 4 GB.
scenario 'value-of-900-mb' => sub { huge_value($_[0], 2048, '1g', 900_000_000) }, part => 1;

# ---- signals ----

# A process that loads the server until it is gone.
sub start_load
{
    my ($server, $connections, $request) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    my @sockets = eval { open_clients($server, $connections) };
    my $end = time + 20;
    while (time < $end && kill 0, getppid) {
        for my $socket (@sockets) {
            send_some($socket, $request);
            POSIX::_exit(0) if $!{EPIPE} || $!{ECONNRESET};
            sysread $socket, my $answer, 1 << 20;
        }
    }
    POSIX::_exit(0);
}

my $busy = "set load 0 0 1000\r\n" . value_of_size(1000) . "\r\nget load\r\nstats\r\nstats conns\r\nget load load\r\n";

scenario 'stopped-under-load' => sub {
    my ($path) = @_;
    my $dir = File::Temp->newdir('hostile-XXXXXX', TMPDIR => 1);
    my (@complaints, $longest_s);
    for my $i (1 .. (long_run() ? 200 : 6)) {
        my $listen = $i % 2 ? 'unix' : 'tcp';
        my $server = Wire::Server->start(path => $path, listen => $listen,
                                         args => ['-m', 64, '-P', "$dir/pid"]);
        my $load = start_load($server, 20, $busy x 10);
        my $good = open_clients($server);
        sleep rand 0.1;
        kill 'HUP', $server->{pid} for 1 .. 3;
        my $signal = (qw(TERM INT USR1))[$i % 3];
        my $began = time;
        kill $signal, $server->{pid};
        my $how = $server->reap(20);
        my $took_s = time - $began;
        $longest_s = $took_s if $took_s > ($longest_s // 0);
        kill 'TERM', $load;
        waitpid $load, 0;
        push @complaints, "SIG$signal: $how" if $how ne '';
        push @complaints, "SIG$signal: it took $took_s s" if $took_s > 1 && !sanitized($server);
        push @complaints, 'the socket is left behind' if $listen eq 'unix' && -e $server->{socket_path};
    }
    printf "      the slowest end took %.0f ms\n", 1000 * $longest_s;
    return @complaints;
};

# Whoever ought to bury it may take his time.
sub has_ended
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return 1;
    return (<$file> // ') Z') =~ /\) Z/;
}

# Whoever sees the socket may end the server, although it is not ready yet.
scenario 'stopped-before-it-is-ready' => sub {
    my ($path) = @_;
    my $dir = File::Temp->newdir('hostile-XXXXXX', TMPDIR => 1);
    my @complaints;
    for my $signal ((qw(TERM INT USR1)) x (long_run() ? 10 : 3)) {
        my @as = $> == 0 ? ('-u', 'root') : ();
        my $pid = fork // die "fork: $!\n";
        exec $path, @as, '-m', 64, '-s', "$dir/socket" or POSIX::_exit(127) if $pid == 0;
        my $deadline = time + 20;
        1 until -e "$dir/socket" || time > $deadline; # without a pause: it is a matter of microseconds
        kill $signal, $pid;
        waitpid $pid, 0;
        push @complaints, "SIG$signal: it ended with status $?" if $? != 0;
        push @complaints, "SIG$signal: the socket is left behind" if -e "$dir/socket";
        unlink "$dir/socket";
    }
    return @complaints;
};

# A daemon writes its pid when it is ready to be killed, and takes that file with it.
scenario 'daemon-stopped-at-once' => sub {
    my ($path) = @_;
    my $dir = File::Temp->newdir('hostile-XXXXXX', TMPDIR => 1);
    my @complaints;
    for my $signal ((qw(TERM INT USR1)) x (long_run() ? 10 : 2)) {
        my @as = $> == 0 ? ('-u', 'root') : ();
        system($path, @as, '-d', '-m', 64, '-P', "$dir/pid", '-s', "$dir/socket") == 0
            or return "the daemon does not start";
        open my $file, '<', "$dir/pid" or return 'no pid file';
        my $pid = <$file> + 0;
        kill $signal, $pid;
        wait_for(5, sub { has_ended($pid) }) or push @complaints, "SIG$signal: it does not end";
        for my $left (qw(pid socket)) {
            push @complaints, "SIG$signal: the $left file is left behind" if -e "$dir/$left";
            unlink "$dir/$left";
        }
    }
    return @complaints;
};

run_scenarios();
