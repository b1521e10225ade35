# Wire::Binary::Generator - makes up random packets, good and bad ones.
#
# Time must not pass in a script: expiration times are never, far away, or past.  A packet after which
# the server closes the connection is the last of its batch.
package Wire::Binary::Generator;

use strict;
use warnings;
use parent qw(Wire::Generator);
use Wire::Generator qw(pick);

use constant {
    NO_KEY             => 0xff,    # where the number of a key stands in an opaque
};

my %opcode = (
    get => 0x00, set => 0x01, add => 0x02, replace => 0x03, delete => 0x04, incr => 0x05,
    decr => 0x06, quit => 0x07, flush => 0x08, getq => 0x09, noop => 0x0a, version => 0x0b,
    getk => 0x0c, getkq => 0x0d, append => 0x0e, prepend => 0x0f, stat => 0x10, setq => 0x11,
    addq => 0x12, replaceq => 0x13, deleteq => 0x14, incrq => 0x15, decrq => 0x16, quitq => 0x17,
    flushq => 0x18, appendq => 0x19, prependq => 0x1a, touch => 0x1c, gat => 0x1d, gatq => 0x1e,
    sasl_list => 0x20, sasl_auth => 0x21, sasl_step => 0x22, gatk => 0x23, gatkq => 0x24,
);
my @exptimes = (0, 0, 0, 0, 100, 3600, 2592000, 2592001, 2147483647);
my @flags = (0, 0, 0, 1, 5, 65535, 2147483648, 4294967295);
my @deltas = qw(0 1 1 1 2 9 10 99 1000 18446744073709551615 18446744073709551614);
my @numbers = qw(0 1 5 9 10 99 100 999 007 18446744073709551615 18446744073709551614 123456789);
my $NONE = 0xffffffff;    # as the exptime of incr: do not create

# What is chosen how often, per thousand.
my @kinds = (
    [150, \&storage, 'set'], [60, \&storage, 'setq'], [40, \&storage, 'add'],
    [20, \&storage, 'addq'], [40, \&storage, 'replace'], [20, \&storage, 'replaceq'],
    [40, \&joining, 'append'], [20, \&joining, 'appendq'], [30, \&joining, 'prepend'],
    [20, \&joining, 'prependq'],
    [70, \&keyed, 'get'], [60, \&keyed, 'getq'], [60, \&keyed, 'getk'], [80, \&keyed, 'getkq'],
    [30, \&quiet_gets],
    [15, \&touching, 'touch'], [15, \&touching, 'gat'], [15, \&touching, 'gatq'],
    [15, \&touching, 'gatk'], [15, \&touching, 'gatkq'],
    [35, \&arithmetic, 'incr'], [20, \&arithmetic, 'incrq'], [35, \&arithmetic, 'decr'],
    [20, \&arithmetic, 'decrq'],
    [30, \&keyed, 'delete'], [20, \&keyed, 'deleteq'],
    [3, \&flush, 'flush'], [2, \&flush, 'flushq'],
    [15, \&bare, 'noop'], [3, \&bare, 'version'], [4, \&stat_packet], [3, \&bare, 'sasl_list'],
    [4, \&sasl], [5, \&unknown], [1, \&bare, 'quit'], [1, \&bare, 'quitq'], [3, \&too_large],
    [6, \&malformed], [6, \&mutant],
);

# allowed: says of a packet, a hash of its parts, whether it may be used.  avoid: what else to do
# without, a set of
#   huge_numbers   numbers of 2^63 and more
#   blank_values   values that begin with white space
#   large_values   values of more than half a mebibyte that can be stored
#   flush_delays   flush with a delay
#   held_items     arithmetic on what a quiet get before it has found, unless a noop is between them
sub new
{
    my ($class, %with) = @_;
    return $class->make(%with, kinds => \@kinds, numbers => \@numbers, deltas => \@deltas);
}

# About 'count' commands on keys of their own.
sub script
{
    my ($self, $round, $count) = @_;
    $self->{keys} = [(map { "r${round}_$_" } qw(a b c d e f g)), "r${round} \r\n\0\xff",
                     substr("r${round}_" . 'k' x 250, 0, 250)];
    my @batches = @{$self->batches($count)};
    my @last = map { command({opcode => $opcode{deleteq}, key => $_}) } @{$self->{keys}};
    return [@batches, \@last];
}

# ---- private ----

# A batch ends with a noop, or with what closes the connection.
sub batch
{
    my ($self, $count) = @_;
    my @batch;
    while (@batch < $count) {
        my $kind = pick($self->{table});
        my @packets = $kind->[1]->($self, $kind->[2]);
        next if grep { !$self->{allowed}->($_) } @packets;
        return [map { command($_) } @packets] if $packets[0]{alone};
        push @batch, map { command($_) } @packets;
        return \@batch if $packets[-1]{closes};
    }
    return [@batch, command({opcode => $opcode{noop}})];
}

# The parts of a packet: opcode, extras, key, value, number of the key; cas or unique, to compare;
# lies, what its lengths say instead of the truth; closes.
sub command
{
    my ($packet) = @_;
    my ($extras, $key, $value) = map { $packet->{$_} // '' } qw(extras key value);
    my $lies = $packet->{lies} // {};
    my $opaque = int(rand 1 << 24) << 8 | ($packet->{number} // NO_KEY);
    my $head = pack 'CCnCCnNN', $lies->{magic} // 0x80, $packet->{opcode},
        $lies->{key} // length $key, $lies->{extras} // length $extras, int rand 256,
        int rand 65536, $lies->{body} // length "$extras$key$value", $opaque;
    my $tail = "$extras$key$value";
    return {head => $head, unique => $packet->{unique}, packed => 1, tail => $tail}
        if $packet->{unique};
    return {head => $head . pack('Q>', $packet->{cas} // 0), tail => $tail};
}

# A packet about one of our keys.
sub about_key
{
    my ($self, $name, %more) = @_;
    return {opcode => $opcode{$name}, key => 'no such key', %more} if rand() < 0.05;
    my $number = int rand @{$self->{keys}};
    return {opcode => $opcode{$name}, key => $self->{keys}[$number], number => $number, %more};
}

# The same, sometimes only if it has the right unique, or one that was right.
sub comparing
{
    my ($self, $name, %more) = @_;
    my $packet = $self->about_key($name, %more);
    my $dice = rand;
    $packet->{cas} = pick([1, '18446744073709551615']) if $dice < 0.03;
    $packet->{unique} = [$packet->{number}, int rand 1.5] if $dice > 0.8 && defined $packet->{number};
    return $packet;
}

sub storage
{
    my ($self, $name) = @_;
    my $extras = pack 'NN', pick(\@flags), pick(\@exptimes);
    return $self->comparing($name, extras => $extras, value => $self->value);
}

sub joining
{
    my ($self, $name) = @_;
    return $self->comparing($name, value => $self->value);
}

sub keyed
{
    my ($self, $name) = @_;
    return $self->comparing($name) if $name =~ /^delete/;
    return $self->about_key($name);
}

# As clients do a get of many keys.
sub quiet_gets
{
    my ($self) = @_;
    my $count = 1 + int rand(rand() < 0.1 ? 60 : 6);
    return ((map { $self->about_key('getkq') } 1 .. $count), {opcode => $opcode{noop}});
}

sub touching
{
    my ($self, $name) = @_;
    return $self->about_key($name, extras => pack 'N', pick(\@exptimes));
}

sub arithmetic
{
    my ($self, $name) = @_;
    my $exptime = rand() < 0.4 ? $NONE : pick(\@exptimes);
    my $extras = pack 'Q>Q>N', pick($self->{deltas}), pick($self->{deltas}), $exptime;
    my $packet = $self->comparing($name, extras => $extras);
    return $self->{avoid}{held_items} ? ({opcode => $opcode{noop}}, $packet) : $packet;
}

sub flush
{
    my ($self, $name) = @_;
    my @delays = ('', pack('N', 0), $self->{avoid}{flush_delays} ? () : pack('N', 1000));
    return {opcode => $opcode{$name}, extras => pick(\@delays)};
}

sub bare
{
    my ($self, $name) = @_;
    return {opcode => $opcode{$name}, closes => $name =~ /^quit/ ? 1 : 0};
}

# Only those whose answer is the same in any server at any time.
sub stat_packet
{
    return {opcode => $opcode{stat}, key => pick([
        'reset', 'reset it', 'detail on', 'detail off', 'detail', 'detail x', 'conns', 'extstore',
        'nonsense', 'cachedump 1 1', 'itemsx', 'item', 'size'])};
}

sub sasl
{
    my $name = pick([qw(sasl_auth sasl_step)]);
    return {opcode => $opcode{$name}, key => pick(['PLAIN', 'x' x 33]), value => "\0user\0secret"};
}

sub unknown
{
    my ($self) = @_;
    my %packet = (opcode => pick([0x1b, 0x1f, 0x25, 0x30, 0x3c, 0x80, 0xff]));
    $packet{value} = substr $self->{blob}, 0, int rand 3000 if rand() < 0.5;
    $packet{key} = 'key' if rand() < 0.3;
    $packet{extras} = '1234' if rand() < 0.3;
    return \%packet;
}

sub too_large
{
    my ($self) = @_;
    my $name = pick([qw(set setq add replace append prependq)]);
    my $bytes = pick([$self->{avoid}{large_values} ? () : 600_000, 1_048_576, 3_000_000]);
    return $self->about_key($name, extras => $name =~ /pend/ ? '' : pack('NN', 0, 0),
                            value => 'x' x $bytes);
}

# Wrong in a way somebody thought of; each closes the connection.  A noop before it makes sure that it is
# not the first, which would decide the protocol.
sub malformed
{
    my ($self) = @_;
    my $flags = pack 'NN', 0, 0;
    my $delta = pack 'Q>Q>N', 1, 1, 0;
    my $any = pick([sort keys %opcode]);
    return ({opcode => $opcode{noop}}, {%{pick([
        {opcode => $opcode{$any}, key => 'k' x 251},
        {opcode => $opcode{set}, key => 'k' x 251, extras => $flags, value => 'abc'},
        {opcode => $opcode{set}, extras => $flags, value => 'abc'},
        {opcode => $opcode{set}, key => 'k', value => 'abc'},
        {opcode => $opcode{set}, key => 'k', extras => '1234', value => 'abc'},
        {opcode => $opcode{addq}, key => 'k', extras => "${flags}1234", value => 'abc'},
        {opcode => $opcode{append}, key => 'k', extras => $flags, value => 'abc'},
        {opcode => $opcode{get}},
        {opcode => $opcode{getkq}, key => 'k', extras => '1234'},
        {opcode => $opcode{getk}, key => 'k', value => 'v'},
        {opcode => $opcode{gat}, key => 'k'},
        {opcode => $opcode{gatq}, key => 'k', extras => '1234', value => 'v'},
        {opcode => $opcode{touch}, key => 'k', extras => $flags},
        {opcode => $opcode{incr}, key => 'k', extras => $flags},
        {opcode => $opcode{decrq}, extras => $delta},
        {opcode => $opcode{incrq}, key => 'k', extras => $delta, value => 'v'},
        {opcode => $opcode{delete}, key => 'k', extras => '1234'},
        {opcode => $opcode{deleteq}, key => 'k', value => 'v'},
        {opcode => $opcode{noop}, key => 'k'}, {opcode => $opcode{noop}, value => 'v'},
        {opcode => $opcode{version}, extras => '1234'}, {opcode => $opcode{quitq}, key => 'k'},
        {opcode => $opcode{flush}, extras => '12'}, {opcode => $opcode{flushq}, key => 'k'},
        {opcode => $opcode{stat}, key => 'items', extras => '1234'},
        {opcode => $opcode{stat}, key => 'items', value => 'v'},
        {opcode => $opcode{$any}, key => 'key', lies => {body => 2}},
        {opcode => $opcode{set}, key => 'key', extras => $flags, lies => {body => 10}},
        {opcode => $opcode{noop}, lies => {magic => 0x81}},
        {opcode => $opcode{noop}, lies => {magic => 0x67}},
        {opcode => $opcode{set}, key => 'k', extras => $flags, lies => {body => 0xffffffff}},
        {opcode => $opcode{$any}, lies => {body => 0x40000001}},
    ])}, closes => 1});
}

# A good packet with one random length.  It is alone on its connection: memcached forgets the answers
# before one that does not come to its end.
sub mutant
{
    my ($self) = @_;
    my $kind = pick([[\&storage, 'set'], [\&joining, 'append'], [\&keyed, 'getk'],
                     [\&touching, 'gat'], [\&bare, 'noop']]);
    my $packet = $kind->[0]->($self, $kind->[1]);
    my $part = pick([qw(extras key body opcode)]);
    $packet->{lies} = {$part => int rand($part eq 'body' ? 1000 : $part eq 'key' ? 300 : 256)};
    $packet->{opcode} = delete $packet->{lies}{opcode} if $part eq 'opcode';
    return $self->mutant if $packet->{opcode} == $opcode{stat};    # no two servers say the same
    $packet->{alone} = 1;
    return $packet;
}

1;
