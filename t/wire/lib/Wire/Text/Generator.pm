# Wire::Text::Generator - makes up random commands of the classic text protocol.
#
# Time must not pass in a script: expiration times are never, far away, or past.
package Wire::Text::Generator;

use strict;
use warnings;
use parent qw(Wire::Generator);
use Wire::Generator qw(first_line pick);

my @exptimes = (0, 0, 0, 0, 100, 3600, 2592000, 2592001, -1, -100, 2147483647);
my @flags = (0, 0, 0, 1, 5, 65535, 2147483648, 4294967295);
my @deltas = qw(0 1 1 1 2 9 10 99 1000 18446744073709551615 18446744073709551614);
my @numbers = qw(0 1 5 9 10 99 100 999 007 18446744073709551615 18446744073709551614 123456789);

# What is chosen how often, per thousand.
my @kinds = (
    [220, \&storage, 'set'], [60, \&storage, 'add'], [60, \&storage, 'replace'],
    [50, \&storage, 'append'], [40, \&storage, 'prepend'], [90, \&cas],
    [160, \&retrieval, 'get'], [90, \&retrieval, 'gets'],
    [20, \&get_and_touch, 'gat'], [20, \&get_and_touch, 'gats'],
    [50, \&arithmetic, 'incr'], [40, \&arithmetic, 'decr'],
    [40, \&delete_key], [20, \&touch], [4, \&flush_all], [6, \&plain],
    [12, \&bad_chunk], [10, \&malformed], [8, \&mutant],
);

# allowed: says of a command line whether it may be used.  avoid: what else to do without, a set of
#   huge_numbers   numbers of 2^63 and more
#   blank_values   values that begin with white space
#   flush_delays   flush_all with a delay
sub new
{
    my ($class, %with) = @_;
    return $class->make(%with, kinds => \@kinds, numbers => \@numbers, deltas => \@deltas);
}

# About 'count' commands on keys of their own.
sub script
{
    my ($self, $round, $count) = @_;
    $self->{keys} = [(map { "r${round}_$_" } qw(a b c d e f g)), "r${round}_\t\xe9\x01",
                     substr("r${round}_" . 'k' x 250, 0, 250)];
    my @batches = @{$self->batches($count)};
    push @batches, [map { {head => "delete $_ noreply\r\n", tail => ''} } @{$self->{keys}}];
    return \@batches;
}

# ---- private ----

sub batch
{
    my ($self, $count) = @_;
    my @batch;
    while (@batch < $count) {
        my $kind = pick($self->{table});
        my $command = $kind->[1]->($self, $kind->[2]);
        next unless $self->{allowed}->(first_line($command));
        return [$command] if $command->{alone};
        push @batch, $command;
    }
    return \@batch;
}

sub key
{
    my ($self) = @_;
    return pick($self->{keys});
}

sub noreply
{
    return rand() < 0.1 ? ' noreply' : '';
}

sub command
{
    my ($text, %more) = @_;
    return {head => $text, tail => '', %more};
}

sub storage
{
    my ($self, $name) = @_;
    my $value = $self->value;
    my @numbers = (pick(\@flags), pick(\@exptimes), length $value);
    my $line = join ' ', $name, $self->key, @numbers;
    return command($line . noreply() . "\r\n$value\r\n");
}

sub cas
{
    my ($self) = @_;
    my $value = $self->value;
    my $key = $self->key;
    my $head = join ' ', 'cas', $key, pick(\@flags), pick(\@exptimes), length $value, '';
    my $tail = noreply() . "\r\n$value\r\n";
    return {head => $head . pick([0, 1, '18446744073709551615']), tail => $tail} if rand() < 0.1;
    return {head => $head, unique => [$key, int rand(1.5)], tail => $tail};
}

sub some_keys
{
    my ($self) = @_;
    my $count = rand() < 0.5 ? 1 : 1 + int rand(rand() < 0.1 ? 60 : 6);
    return join ' ', map { rand() < 0.1 ? 'no_such_key' : $self->key } 1 .. $count;
}

sub retrieval
{
    my ($self, $name) = @_;
    return command("$name " . $self->some_keys . "\r\n");
}

sub get_and_touch
{
    my ($self, $name) = @_;
    return command("$name " . pick(\@exptimes) . ' ' . $self->some_keys . "\r\n");
}

sub arithmetic
{
    my ($self, $name) = @_;
    my $line = join ' ', $name, $self->key, pick($self->{deltas});
    return command($line . noreply() . "\r\n");
}

sub delete_key
{
    my ($self) = @_;
    return command('delete ' . $self->key . (rand() < 0.1 ? ' 0' : '') . noreply() . "\r\n");
}

sub touch
{
    my ($self) = @_;
    return command('touch ' . $self->key . ' ' . pick(\@exptimes) . noreply() . "\r\n");
}

sub flush_all
{
    my ($self) = @_;
    my @delays = ('', ' 0', ' -1', $self->{avoid}{flush_delays} ? () : (' 1000', ' 100000'));
    return command('flush_all' . pick(\@delays) . noreply() . "\r\n");
}

sub plain
{
    return command(pick([
        "mn\r\n", "mn a b\r\n", "verbosity 0\r\n", "verbosity x\r\n", "foo\r\n", "GETS a\r\n",
        "stats nonsense\r\n", "me no_such_key\r\n", "get no_such_key\n", "cache_memlimit x\r\n",
        "stats detail off\r\n",
    ]));
}

# A data block that does not end where it should; what is left of it is a line of its own.  One that
# is longer than all that follows is alone on its connection: memcached forgets the answers before.
sub bad_chunk
{
    my ($self) = @_;
    my $value = substr $self->{blob}, int rand(Wire::Generator::BLOB_BYTES - 200), int rand 200;
    my $name = pick([qw(set add replace append prepend)]);
    my $line = join(' ', $name, $self->key, 0, 0, length $value) . noreply();
    my $rest = pick(["xxyyyyy", 'xxmn', "\rxmn a", 'zzget ' . $self->key]);
    return command("$line\r\n$value$rest\r\n") if rand() < 0.7;
    my $announced = length($value) + 2 + int rand 10000;
    return command(join(' ', $name, $self->key, 0, 0, $announced) . "\r\n$value", alone => 1);
}

# Lines that are wrong in a way somebody thought of.
sub malformed
{
    my ($self) = @_;
    my $k = $self->key;
    my $long = 'k' x (251 + int rand 100);
    my $data = "\r\nhello\r\n";
    return command(pick([
        "set\r\n", "set $k\r\n", "set $k 0\r\n", "set $k 0 0\r\n", "set $k 0 0 x\r\n",
        "set $k 0 0 -1$data", "set $k 0 0 2147483646$data", "set $k 0 0 2147483647$data",
        "set $k 0 0 4294967295$data", "set $k x 0 5$data", "set $k 0 x 5$data",
        "set $k -1 0 5$data", "set $k 4294967296 0 5$data", "set $long 0 0 5$data",
        "set $k 0 0 5 extra$data", "add $k 1 2 5 noreply extra$data", "set $k +1 +0 5$data",
        "set $k 07 00 05$data", "set  $k  3  0  5  $data", "cas $k 0 0 5$data",
        "cas $k 0 0 5 x$data", "cas $k 0 0 5 18446744073709551616$data",
        "get\r\n", "get \r\n", "gets\r\n", "get $long\r\n",
        "get $k $long $k\r\n", "get   $k   $k  \r\n", "get $k noreply\r\n", "get $k\r\r\n",
        "get $k\0\r\n", " get $k\r\n", "gat\r\n", "gat 0\r\n", "gat x $k\r\n", "gats 1x $k\r\n",
        "gat 99999999999 $k\r\n", "incr $k\r\n", "incr $k x\r\n", "incr $k 1 2\r\n",
        "incr $long 1\r\n", "incr $k 18446744073709551616\r\n", "decr $k -1\r\n",
        "delete\r\n", "delete $k 10\r\n",
        "delete $k a b\r\n", "delete $long\r\n", "touch\r\n", "touch $k\r\n", "touch $k x\r\n",
        "touch $k 99999999999\r\n", "touch $long 0\r\n", "flush_all x\r\n", "flush_all 0 0 0\r\n",
        "verbosity\r\n", "shutdown\r\n", "\r\n", "a\r\n", "ab\r\n",
        "foo noreply\r\n", "foo bar\r\n",
        "set $k 0 0 3000000\r\n" . 'x' x 3000000 . "\r\n",
        "set $k 9 0 700000\r\n" . 'y' x 700000 . "\r\n",
    ]));
}

# A good line with one random change, made of letters that cannot end it.  The data that follows is
# a line that is an unknown command if it should be taken for one.
sub mutant
{
    my ($self) = @_;
    my $storage = rand() < 0.5;
    my $name = pick([qw(set add replace append prepend cas)]);
    my $line = $storage ? join(' ', $name, $self->key, 0, 0, 5)
                        : (split /\r\n/, pick([$self->retrieval('get'), $self->arithmetic('incr'),
                                               $self->touch, $self->delete_key])->{head})[0];
    my $at = int rand length $line;
    my $change = int rand 4;
    substr($line, $at, 1) = '' if $change == 0;
    substr($line, $at, 0) = pick([' ', 'x', '0', '-', '_', 'A']) if $change == 1;
    substr($line, $at, 1) = pick([' ', 'x', '7', '-', '+', "\t"]) if $change == 2;
    $line = substr $line, 0, $at if $change == 3;
    # A length that is not 5 would make data of the commands that follow.
    my @words = split / +/, $line;
    $words[4] = '5' if $storage && @words > 4 && $words[4] =~ /^\+?\d+$/;
    return command(join(' ', @words) . "\r\n" . ($storage ? "hello\r\n" : ''));
}

1;
