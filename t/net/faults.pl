#!/usr/bin/perl
# faults.pl - what the system refuses: system calls that fail, and allocations that fail.  The server may
# drop the connection that it was about; it must live, and serve the next ones.
#
#   t/net/faults.pl --server src/ketchd [--long] [SCENARIO ...]
#
# System calls are made to fail with strace, if that may be used; allocations with a preloaded library,
# built here with $CC.  Neither goes with a sanitizer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Datagrams;
use File::Temp ();
use Hostile;
use IO::Handle;
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);

# ---- a little of everything ----

my $large = value_of_size(300_000);
my $conversation = "set small 0 0 5\r\nhello\r\nget small\r\nget small large none\r\nincr number 1\r\n"
                 . 'get' . ' small' x 3000 . "\r\n"
                 . "set large 0 0 300000\r\n$large\r\nget large\r\nappend small 0 0 2\r\n !\r\n"
                 . "stats\r\nstats conns\r\nstats items\r\nstats settings\r\nstats cachedump 3 10\r\n"
                 . "lru_crawler metadump all\r\ndelete small\r\ncache_memlimit 8\r\nmn\r\n";

# A client whose connection may be dropped at any moment.
sub talk
{
    my ($server, $patience_s) = @_;
    eval {
        my $socket = open_clients($server);
        setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 16_384; # so that the server has to keep something
        exchange($socket, $conversation);
        my $end = time + $patience_s;
        while (time < $end) {
            my $line = receive_line($socket, $patience_s);
            last if !defined $line || $line eq 'MN';
        }
    };
}

# How many of some requests, each on a new connection, are answered.
sub answered
{
    my ($server, $count) = @_;
    my $answered = 0;
    for (1 .. $count) {
        $answered++ if eval {
            my $socket = open_clients($server);
            send_all($socket, "mn\r\n");
            (receive_line($socket, 3) // '') eq 'MN';
        };
    }
    return $answered;
}

# ---- system calls ----

sub may_trace
{
    return `strace -V 2>/dev/null` ne '' && system("strace -o /dev/null true 2>/dev/null") == 0;
}

# Runs the server under a fault and talks to it meanwhile; returns how often the call failed.
sub with_fault
{
    my ($server, $call, $error, $when, $talk) = @_;
    my $trace = File::Temp->new(TEMPLATE => 'faults-XXXXXX', TMPDIR => 1);
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        { exec 'strace', '-f', '-qq', '-p', $server->{pid}, '-o', $trace->filename, '-e', "trace=$call",
            '-e', "inject=$call:$error:when=$when" };
        POSIX::_exit(127);
    }
    wait_for(5, sub { threads_of($server) == threads_of($server, 'traced') }) or die "strace does not attach\n";
    $talk->($server, 0.3);
    kill 'INT', $pid;
    waitpid $pid, 0;
    wait_for(5, sub { threads_of($server, 'traced') == 0 });
    return scalar grep { /INJECTED/ } <$trace>;
}

sub threads_of
{
    my ($server, $traced) = @_;
    my $count = 0;
    for my $status (glob "/proc/$server->{pid}/task/*/status") {
        open my $file, '<', $status or next;
        $count++ if !$traced || join('', <$file>) =~ /^TracerPid:\s+[1-9]/m;
    }
    return $count;
}

# So much that the limit of the conversation's end makes the server give memory back.
sub fill
{
    my ($server) = @_;
    my $socket = open_clients($server);
    ask($socket, 'cache_memlimit 64');
    store($socket, "fill$_", $large) for 1 .. 60;
}

my %faults = (
    accept4    => [qw(EMFILE ENFILE ECONNABORTED EINTR ENOBUFS ENOMEM EPERM)],
    recvfrom   => [qw(EINTR ECONNRESET EAGAIN ETIMEDOUT ENOMEM)],
    sendto     => [qw(EINTR EPIPE ENOBUFS EAGAIN ECONNRESET ENOMEM)],
    sendmsg    => [qw(EINTR EPIPE ENOBUFS EAGAIN ECONNRESET ENOMEM)],
    epoll_ctl  => [qw(ENOMEM ENOSPC)],
    epoll_wait => [qw(EINTR)],
    setsockopt => [qw(ENOBUFS ENOMEM)],
    madvise    => [qw(ENOMEM EAGAIN)],
    getpeername => [qw(ENOTCONN ENOBUFS)],
);

scenario 'system-calls' => sub {
    my ($path) = @_;
    if (!may_trace()) {
        print "      strace cannot be used here: nothing was tested\n";
        return ();
    }
    my $server = start_server($path, '-m', 64);
    my ($count, $failed, @complaints) = (0, 0);
    for my $call (sort keys %faults) {
        my $failed_before = $failed;
        for my $error (@{$faults{$call}}) {
            for my $when (long_run() ? (1 .. 20, '2+3', '1+1') : (1, '2+3')) {
                # Who detaches between the two ends of a call turns it into ENOSYS; of every one, surely.
                next if $call eq 'epoll_wait' && $when eq '1+1';
                fill($server) if $call eq 'madvise';
                # With 1+1 every single one: then nothing can work meanwhile, but all must afterwards.
                $failed += with_fault($server, $call, "error=$error", $when, \&talk);
                $count++;
                my $what = "$call $error when=$when";
                return @complaints, "$what: " . $server->log_text if !$server->is_running;
                my $answered = answered($server, 8);
                push @complaints, "$what: $answered of 8 are answered afterwards" if $answered < 8;
            }
        }
        push @complaints, "$call never failed" if $failed == $failed_before;
    }
    print "      $failed failed calls in $count runs\n";
    return @complaints, stop_server($server);
}, slow => 1;

# ---- system calls of UDP ----

# Small replies and large ones, which may all be lost.
sub talk_udp
{
    my ($server, $patience_s) = @_;
    my $client = Datagrams->new(port => $server->{udp_port});
    $client->send_raw(Datagrams::frame(1, "set k 0 0 50000\r\n" . substr($large, 0, 50_000) . "\r\n"));
    for (1 .. 40) {
        $client->send_raw(Datagrams::frame($_, rand() < 0.3 ? "get k\r\n" : "mn\r\n"));
        $client->raw_replies(0.002) if $_ % 8 == 0;
    }
    $client->raw_replies($patience_s / 3);
}

sub answered_udp
{
    my ($server, $count) = @_;
    my $client = Datagrams->new(port => $server->{udp_port});
    return scalar grep { ($client->ask("mn\r\n", 3) // '') eq "MN\r\n" } 1 .. $count;
}

my %udp_faults = (
    recvmmsg => [qw(EINTR EAGAIN ECONNREFUSED ENOMEM ENOBUFS)],
    sendmmsg => [qw(EINTR EAGAIN ENOBUFS EPERM ENETUNREACH EMSGSIZE ENOMEM)],
    epoll_ctl => [qw(ENOMEM ENOSPC)],
);

# Replies may be lost, as they may on the way; but not for ever.
scenario 'system-calls-of-udp' => sub {
    my ($path) = @_;
    if (!may_trace()) {
        print "      strace cannot be used here: nothing was tested\n";
        return ();
    }
    my $server = Datagrams::start_server($path);
    my ($count, $failed, @complaints) = (0, 0);
    for my $call (sort keys %udp_faults) {
        for my $error (@{$udp_faults{$call}}) {
            for my $when (long_run() ? (1 .. 5, '2+3', '1+1') : (1, '2+3')) {
                $failed += with_fault($server, $call, "error=$error", $when, \&talk_udp);
                $count++;
                my $what = "$call $error when=$when";
                return @complaints, "$what: " . $server->log_text if !$server->is_running;
                my $answered = answered_udp($server, 8);
                push @complaints, "$what: $answered of 8 are answered afterwards" if $answered < 8;
            }
        }
    }
    push @complaints, 'no call failed' if $failed == 0;
    print "      $failed failed calls in $count runs\n";
    return @complaints, stop_server($server);
}, slow => 1;

# ---- memory ----

sub build_library
{
    my $dir = File::Temp->newdir('faults-XXXXXX', TMPDIR => 1);
    my $cc = $ENV{CC} || 'cc';
    system("$cc -O2 -shared -fPIC -D_GNU_SOURCE -o $dir/failing_malloc.so "
           . "$FindBin::Bin/failing_malloc.c -ldl") == 0 or die "cannot build the library\n";
    return $dir;
}

sub control
{
    my ($file, $armed, $every) = @_;
    open my $out, '+<', $file or die "$file: $!\n";
    print $out pack 'QQ', $armed, $every;
}

sub failed_so_far
{
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!\n";
    read $in, my $bytes, 24;
    return (unpack 'QQQ', $bytes)[2];
}

scenario 'allocations' => sub {
    my ($path) = @_;
    return () if sanitized({path => $path}); # it would not even start with the library
    my $dir = build_library();
    my $file = "$dir/control";
    open my $out, '>', $file or die "$file: $!\n";
    print $out "\0" x 24;
    close $out;
    local $ENV{LD_PRELOAD} = "$dir/failing_malloc.so";
    local $ENV{FAILING_MALLOC_FILE} = $file;
    my $server = start_server($path, '-m', 64, '-c', 3000);
    delete $ENV{LD_PRELOAD};
    # It accepts connections before it has all that it needs, and without that it may end.
    return 'the server does not answer' if answered($server, 8) < 8;
    sleep 0.5;
    my @complaints;
    for my $every (long_run() ? (1 .. 60) : (1 .. 12, 30)) {
        my @many = open_clients($server, 3);
        control($file, 1, $every);
        talk($server, 0.1) for 1 .. 3;
        # More connections than there ever were: every table must grow now, or say that it cannot.
        push @many, eval { open_clients($server, 40 * $every) };
        send_some($_, "get a\r\nset b 0 0 20") for @many;
        sleep 0.05;
        control($file, 0, 0);
        return "every ${every}th: " . ($server->reap || $server->log_text) if !$server->is_running;
        my $answered = answered($server, 8);
        push @complaints, "every ${every}th: $answered of 8 are answered afterwards" if $answered < 8;
    }
    printf "      %d allocations failed\n", failed_so_far($file);
    push @complaints, 'no allocation failed' if failed_so_far($file) == 0;
    my $good = open_clients($server);
    my $left = -1;
    push @complaints, "$left connections are left"
        unless wait_for(10, sub { ($left = stat_of($good, 'curr_connections')) == 1 });
    return @complaints, stop_server($server);
};

# Allocations that fail while the server starts: it says so and ends, with a code of its own.
scenario 'allocations-at-the-start' => sub {
    my ($path) = @_;
    my $dir = build_library();
    my (@complaints, %ends);
    my $file = "$dir/control";
    for my $which (1 .. (long_run() ? 300 : 60)) {
        open my $out, '>', $file or die "$file: $!\n";
        print $out pack 'QQQ', 1, $which, 0;
        close $out;
        local $ENV{LD_PRELOAD} = "$dir/failing_malloc.so";
        local $ENV{FAILING_MALLOC_FILE} = $file;
        my $end = start_with_failures($path);
        $ends{$end}++;
        push @complaints, "every ${which}th: $end" if $end =~ /signal/;
    }
    print '      ', join(', ', map { "$_: $ends{$_}" } sort keys %ends), "\n";
    return @complaints;
}, slow => 1;

sub start_with_failures
{
    my ($path) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        { exec $path, ($> == 0 ? ('-u', 'root') : ()), '-m', 64, '-l', '127.0.0.1', '-p', '-1' };
        POSIX::_exit(127);
    }
    my $end = time + 0.25;
    while (time < $end) {
        return describe($?) if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.01;
    }
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return $? == 0 ? 'it runs' : describe($?);
}

sub describe
{
    my ($status) = @_;
    return $status & 127 ? 'signal ' . ($status & 127) : 'exit ' . ($status >> 8);
}

run_scenarios();
