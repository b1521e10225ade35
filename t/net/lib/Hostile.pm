# Hostile - what the tests of this directory share: clients that misbehave, figures of the server's
# process, and the frame that runs one scenario after the other.
#
# A scenario is a function that is given a server's path and returns a list of complaints; none is
# good.  Whatever it does, it may not leave the server dead, hung, or holding what clients left behind.
package Hostile;

use strict;
use warnings;
use Exporter qw(import);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use FindBin;
use IO::Poll qw(POLLIN POLLOUT);
use POSIX ();
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/../wire/lib";
use Wire::Server;

our @EXPORT = qw(
    start_server stop_server scenario run_scenarios long_run duration_s sanitized
    open_clients send_all send_some exchange receive_line receive_bytes receive_until_end ask drain
    store stat_of rss_mb peak_rss_mb cpu_s wait_for memory_came_back value_of_size);

use constant TIMEOUT_S => 30; # that only a hang reaches, even under a sanitizer

my %option;
my @scenarios;

# ---- the frame ----

# Those with slow => 1 run only with --long, or when they are asked for by name; those with part => 1, which
# are part of another one, only by name.
sub scenario
{
    my ($name, $code, %with) = @_;
    push @scenarios, [$name, $code, $with{slow}, $with{part}];
}

# Options: --server PATH, --long, --list, --seed N, and the names of scenarios to run.
sub run_scenarios
{
    require Getopt::Long;
    $| = 1;
    %option = (server => $ENV{WIRE_SERVER}, seed => int(rand 1e9));
    Getopt::Long::GetOptions(\%option, 'server=s', 'long', 'list', 'seed=i', 'seconds=f') or exit 2;
    if ($option{list}) {
        print "$_->[0]\n" for @scenarios;
        exit 0;
    }
    $option{server} or die "which server?  --server PATH\n";
    $SIG{INT} = $SIG{TERM} = sub { exit 130 };
    $SIG{PIPE} = 'IGNORE';
    srand $option{seed};
    print "server $option{server}, seed $option{seed}\n";
    my %wanted = map { $_ => 1 } @ARGV;
    my ($passed, $failed) = (0, 0);
    for (@scenarios) {
        my ($name, $code, $slow, $part) = @$_;
        next if %wanted ? !$wanted{$name} : $part || ($slow && !$option{long});
        my $began = time;
        my @complaints = eval { $code->($option{server}) };
        push @complaints, "died: $@" if $@;
        printf "%s  %s (%.1f s)\n", @complaints ? 'FAIL' : 'ok  ', $name, time - $began;
        print "      $_\n" for map { s/\n(?=.)/\n      /gr =~ s/\n\z//r } @complaints;
        @complaints ? $failed++ : $passed++;
    }
    print "$passed passed, $failed failed\n";
    exit($failed ? 1 : 0);
}

sub long_run { $option{long} }

# How long to go on with something that has no natural end.
sub duration_s
{
    my ($short, $long) = @_;
    return $option{seconds} // ($option{long} ? $long : $short);
}

# The memory and the speed of an instrumented server say nothing.
sub sanitized
{
    my ($server) = @_;
    open my $file, '<:raw', $server->{path} or return 0;
    my $text = do { local $/; <$file> };
    return $text =~ /__asan_init|__tsan_init/ ? 1 : 0;
}

sub start_server
{
    my ($path, @args) = @_;
    return Wire::Server->start(path => $path, args => \@args);
}

# Ends the server; complains if it was dead already or ends badly or slowly.
sub stop_server
{
    my ($server) = @_;
    return 'the server is dead: ' . ($server->reap || 'it ended with status 0') unless $server->is_running;
    $server->stop;
    my $how = $server->reap;
    return $how eq '' ? () : $how;
}

# ---- clients ----

sub open_clients
{
    my ($server, $count) = @_;
    my @clients = map { $server->connect } 1 .. ($count // 1);
    return wantarray ? @clients : $clients[0];
}

sub wait_ready
{
    my ($socket, $events, $timeout_s) = @_;
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    return $events == POLLIN ? select(my $r = $bits, undef, undef, $timeout_s)
                             : select(undef, my $w = $bits, undef, $timeout_s);
}

# All of it, or dies; undef when the other side closed.
sub send_all
{
    my ($socket, $text) = @_;
    my $at = 0;
    while ($at < length $text) {
        my $n = syswrite $socket, $text, length($text) - $at, $at;
        if (defined $n) {
            $at += $n;
        } elsif ($!{EAGAIN}) {
            wait_ready($socket, POLLOUT, TIMEOUT_S) or die "the server does not read\n";
        } elsif (!$!{EINTR}) {
            return undef;
        }
    }
    return 1;
}

# Sends all of it, and meanwhile takes in what comes, so that neither side waits for the other for ever.
sub exchange
{
    my ($socket, $text) = @_;
    my $at = 0;
    while ($at < length $text) {
        my $n = syswrite $socket, $text, length($text) - $at, $at;
        if (defined $n) {
            $at += $n;
        } elsif ($!{EAGAIN}) {
            my $bits = '';
            vec($bits, fileno $socket, 1) = 1;
            select(my $r = $bits, my $w = $bits, undef, TIMEOUT_S) or die "the server does not read\n";
            vec($r, fileno $socket, 1) and (fill($socket) or return undef);
        } elsif (!$!{EINTR}) {
            return undef;
        }
    }
    return 1;
}

# As much as goes without waiting longer than 'patience_s' for room; returns how much.
sub send_some
{
    my ($socket, $text, $patience_s) = @_;
    my $at = 0;
    while ($at < length $text) {
        my $n = syswrite $socket, $text, length($text) - $at, $at;
        if (defined $n) {
            $at += $n;
        } else {
            last unless $!{EAGAIN} && wait_ready($socket, POLLOUT, $patience_s // 0);
        }
    }
    return $at;
}

# What was received on a socket and not yet asked for.
sub inbox
{
    my ($socket) = @_;
    return \(${*$socket}{hostile_inbox} //= '');
}

sub fill
{
    my ($socket, $timeout_s) = @_;
    wait_ready($socket, POLLIN, $timeout_s // TIMEOUT_S) or die "no reply\n";
    my $in = inbox($socket);
    my $n = sysread $socket, $$in, 1 << 18, length $$in;
    return 1 if !defined $n && ($!{EAGAIN} || $!{EINTR});
    return $n;
}

# A line without its end; undef when the connection was closed before one came.
sub receive_line
{
    my ($socket, $timeout_s) = @_;
    my $in = inbox($socket);
    my $end;
    while (($end = index $$in, "\n") < 0) {
        fill($socket, $timeout_s) or return undef;
    }
    my $line = substr $$in, 0, $end + 1, '';
    $line =~ s/\r?\n\z//;
    return $line;
}

sub receive_bytes
{
    my ($socket, $count, $timeout_s) = @_;
    my $in = inbox($socket);
    while (length $$in < $count) {
        fill($socket, $timeout_s) or return undef;
    }
    return substr $$in, 0, $count, '';
}

# Everything up to the end of the stream.
sub receive_until_end
{
    my ($socket, $timeout_s) = @_;
    my $in = inbox($socket);
    1 while fill($socket, $timeout_s);
    my $all = $$in;
    $$in = '';
    return $all;
}

sub ask
{
    my ($socket, $line) = @_;
    send_all($socket, "$line\r\n") or return undef;
    return receive_line($socket);
}

# Throws away what there is to read.
sub drain
{
    my ($socket) = @_;
    1 while sysread $socket, my $bytes, 1 << 18;
}

sub store
{
    my ($socket, $key, $value) = @_;
    send_all($socket, "set $key 0 0 " . length($value) . "\r\n$value\r\n") or return undef;
    return receive_line($socket);
}

# Bytes that tell where they belong: a piece in the wrong place shows.
sub value_of_size
{
    my ($bytes, $salt) = @_;
    my $block = join '', map { sprintf '%s.%06d|', $salt // 'v', $_ } 0 .. 99;
    return substr $block x (1 + int($bytes / length $block)), 0, $bytes;
}

# ---- figures ----

sub stat_of
{
    my ($socket, @names) = @_;
    my %stats;
    send_all($socket, "stats\r\n") or die "the server closed the connection\n";
    while ((my $line = receive_line($socket) // die "the server closed the connection\n") ne 'END') {
        $stats{$1} = $2 if $line =~ /^STAT (\S+) (.*)/;
    }
    return @names == 1 ? $stats{$names[0]} : @stats{@names};
}

sub rss_mb
{
    my ($server) = @_;
    open my $file, '<', "/proc/$server->{pid}/statm" or return 0;
    return (split ' ', <$file>)[1] * POSIX::sysconf(POSIX::_SC_PAGESIZE()) / (1 << 20);
}

# The most that it ever was.
sub peak_rss_mb
{
    my ($server) = @_;
    open my $file, '<', "/proc/$server->{pid}/status" or return 0;
    my ($kb) = map { /^VmHWM:\s+(\d+) kB/ ? $1 : () } <$file>;
    return ($kb // 0) / 1024;
}

sub cpu_s
{
    my ($server) = @_;
    open my $file, '<', "/proc/$server->{pid}/stat" or return 0;
    my @field = split ' ', <$file> =~ s/.*\)//r;
    return ($field[11] + $field[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Until 'true' says so, or the time is up.
sub wait_for
{
    my ($timeout_s, $true) = @_;
    my $deadline = time + $timeout_s;
    until ($true->()) {
        return 0 if time > $deadline;
        sleep 0.01;
    }
    return 1;
}

# A cache that nobody holds anything of can be filled to the brim: complains if fewer than 'share' of
# the limit's megabytes can be read after more than all of them were stored.
sub memory_came_back
{
    my ($server, $limit_mb, $share) = @_;
    my $socket = open_clients($server);
    my $value = value_of_size(500_000);
    my $count = int($limit_mb * 2.2);
    for (1 .. 2 * $count) {
        my $reply = store($socket, 'full' . $_ % $count, $value);
        return "filling up: $reply" unless $reply eq 'STORED';
    }
    my $found = 0;
    for (1 .. $count) {
        send_all($socket, "get full" . $_ % $count . "\r\n");
        next if receive_line($socket) eq 'END';
        receive_bytes($socket, 500_007); # with the line end, and the END
        $found++;
    }
    my $held_mb = $found * 500_000 / (1 << 20);
    return () if $held_mb >= $share * $limit_mb;
    return sprintf 'of %d MB only %.1f hold values', $limit_mb, $held_mb;
}

1;
