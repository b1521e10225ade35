# Wire::Meta::Generator - makes up random meta commands, with some classic ones between them, on few
# keys, so that the states an item can be in meet: stale, being recached, binary, empty, a number.
#
# Now and then a script lets time pass.  What is to die then lives for at most SHORT_S seconds and is
# not looked at before PAUSE_S have passed, so that no clock's second decides what is seen.
package Wire::Meta::Generator;

use strict;
use warnings;
use parent qw(Wire::Generator);
use List::Util qw(shuffle);
use MIME::Base64 qw(encode_base64);
use Wire::Generator qw(first_line pick);

use constant {
    LARGE_BYTES        => 700_000,     # more than one chunk of memcached's
    ROUNDS_PER_PAUSE   => 25,
    SHORT_S            => 2,
    PAUSE_S            => 4.5,
};

my @exptimes = (0, 0, 0, 100, 100, 3600, 2592000, 2592001, -1, -100);
my @recaches = (-1, 0, 30, 97, 5000, 3000000);
my @client_flags = (0, 1, 5, 65535, 4294967295);
my @deltas = qw(0 1 2 9 10 99 1000 18446744073709551614 18446744073709551615);
my @numbers = qw(0 1 5 9 10 99 100 999 007 123456789 9223372036854775807);
my @huge_numbers = qw(18446744073709551615 18446744073709551614 9223372036854775808);
my @constant_uniques = qw(0 777777777777 18446744073709551615); # that no server comes to
my @new_uniques = map { 5_000_000_000_000_000 + $_ } 0 .. 9;

# What is chosen how often, per thousand.
my @kinds = (
    [290, \&meta_set], [330, \&meta_get], [100, \&meta_delete], [110, \&meta_arithmetic],
    [30, \&meta_debug], [20, \&meta_no_op], [80, \&classic], [25, \&malformed], [15, \&mutant],
);

# How often a flag is given, per hundred, and its token.
my %token = (
    b => sub { '' }, c => sub { '' }, f => sub { '' }, h => sub { '' }, k => sub { '' },
    l => sub { '' }, q => sub { '' }, s => sub { '' }, t => sub { '' }, u => sub { '' },
    v => sub { '' }, x => sub { '' }, I => sub { '' },
    C => sub { pick(\@constant_uniques) },
    D => sub { my ($self) = @_; pick($self->{deltas}) },
    E => sub { pick(\@new_uniques) },
    F => sub { pick(\@client_flags) },
    J => sub { my ($self) = @_; pick($self->{deltas}) },
    L => sub { pick(['', '1', 'x']) },
    N => sub { pick(\@exptimes) },
    O => sub { substr 'opaque-token-of-thirty-one-bytes', 0, pick([0, 1, 5, 31]) },
    P => sub { pick(['', '/path/', '7']) },
    R => sub { pick(\@recaches) },
    T => sub { pick(\@exptimes) },
);
my %often = (
    ms => {c => 25, k => 25, q => 8, O => 10, b => 0, s => 5, t => 5, v => 3, f => 3, h => 2, l => 2,
           u => 2, x => 0, C => 22, E => 8, F => 25, I => 12, M => 35, N => 12, T => 40, R => 2,
           D => 2, J => 2, L => 3, P => 3},
    mg => {c => 35, k => 40, q => 12, O => 15, s => 20, t => 35, v => 60, f => 20, h => 15, l => 10,
           u => 8, x => 0, C => 3, E => 8, F => 2, I => 2, M => 2, N => 15, T => 10, R => 15, D => 2,
           J => 2, L => 3, P => 3},
    md => {c => 2, k => 25, q => 20, O => 15, s => 2, t => 3, v => 3, f => 2, h => 1, l => 1, u => 1,
           x => 12, C => 30, E => 10, F => 12, I => 45, M => 3, N => 2, T => 30, R => 1, D => 1,
           J => 1, L => 3, P => 3},
    ma => {c => 30, k => 30, q => 12, O => 12, s => 2, t => 30, v => 60, f => 2, h => 1, l => 1,
           u => 2, x => 0, C => 15, E => 10, F => 2, I => 2, M => 40, N => 35, T => 20, R => 2,
           D => 45, J => 30, L => 3, P => 3},
);
my %modes = (
    ms => [qw(A A A P P E E R R S S a e p r s)], ma => [qw(I + D - i d)], mg => ['x'], md => ['x'],
);

# allowed: says of a command's words whether it may be used.  avoid: what else to do without, a set of
#   huge_numbers   numbers of 2^63 and more
#   blank_values   values that begin with white space
#   held_items     arithmetic while answers are waiting to be sent: mn comes before it
#   longer_numbers numbers that get longer in the same script with what would be forgotten then
sub new
{
    my ($class, %with) = @_;
    return $class->make(%with, kinds => \@kinds, numbers => [@numbers, @huge_numbers], deltas => \@deltas);
}

# About 'count' commands on keys of their own.
sub script
{
    my ($self, $round, $count) = @_;
    $self->choose_keys($round);
    $self->{numbers_grow} = chance(50);
    return $self->batches($count) if $round % ROUNDS_PER_PAUSE != ROUNDS_PER_PAUSE - 1;
    my $half = int($count / 2);
    return [@{$self->batches($half)}, $self->short_lived, [{pause_s => PAUSE_S, head => '', tail => ''}],
            @{$self->batches($half)}];
}

# ---- private ----

# A key has the names it goes by: itself, if it can stand in a line, and its base64.
sub choose_keys
{
    my ($self, $round) = @_;
    $self->{absent} = "r${round}_no_such_key"; # until an ma makes it
    my @plain = ((map { "r${round}_$_" } qw(a b c d)), "r${round}_" . 'k' x 100);
    my @binary = ("r${round}\0 \r\n\xff", "r${round} " . 'b' x 150);
    my @long = (substr "r${round}_" . 'K' x 250, 0, 250);
    $self->{keys} = [
        (map { {raw => $_, names => [[$_], [$_], [$_], [base64($_), 'b']]} } @plain),
        (map { {raw => $_, names => [[base64($_), 'b']]} } @binary),
        (map { {raw => $_, names => [[$_]]} } @long),
    ];
}

sub base64
{
    my ($bytes) = @_;
    return encode_base64($bytes, '');
}

sub batch
{
    my ($self, $count) = @_;
    my @batch;
    while (@batch < $count) {
        my $kind = pick($self->{table});
        my $command = $kind->[1]->($self);
        next unless $self->{allowed}->(first_line($command)) && $self->is_remembered($command);
        push @batch, command("mn\r\n") if $self->{avoid}{held_items} && is_arithmetic($command);
        push @batch, $command;
    }
    return [@batch, command("mn\r\n")];
}

# Items that die within the pause, or are to be recached after it.
sub short_lived
{
    my ($self) = @_;
    my @batch;
    for my $key (@{$self->{keys}}) {
        my ($name, @b) = @{pick($key->{names})};
        my @flags = shuffle(@b, pick([map { "T$_" } 1 .. SHORT_S, 100]), 'c', 'k');
        my $value = $self->value;
        my $more = pick(["ms $name " . length($value) . " @flags\r\n$value",
                         "ma $name @flags N2 J5 D0", "mg $name @flags", "md $name @flags I",
                         "mg $name @b N1 k c"]);
        my $command = command("$more\r\n");
        push @batch, $command if $self->{allowed}->(first_line($command)) && $self->is_remembered($command);
    }
    return [@batch, command("mn\r\n")];
}

# Either no number gets longer, or there is nothing to forget.
sub is_remembered
{
    my ($self, $command) = @_;
    return 1 unless $self->{avoid}{longer_numbers};
    my ($name, $key, @flags) = split / +/, first_line($command) =~ s/\r\z//r;
    return $name ne 'incr' && ($name ne 'ma' || grep { /^(?:M[Dd-]|D0\z)/ } @flags)
        unless $self->{numbers_grow};
    return 1 unless $name =~ /^m[agsd]\z/;
    return !grep { $name eq 'ma' ? /^[Tb]/ : /^[IRh]/ } @flags;
}

sub is_arithmetic
{
    my ($command) = @_;
    return $command->{head} =~ /\A *(?:ma|incr|decr) /;
}

sub chance
{
    my ($percent) = @_;
    return rand(100) < $percent;
}

sub command
{
    my ($text, %more) = @_;
    return {head => $text, tail => '', %more};
}

sub value
{
    my ($self) = @_;
    my $kind = rand;
    return pick($self->{numbers}) if $kind < 0.4;
    my $value = $self->bytes($kind < 0.8 ? 20 : $kind < 0.95 ? 1000 : Wire::Generator::VALUE_BYTES_MAX);
    my $times = 1 + LARGE_BYTES / (length($value) + 1);
    $value = substr $value x $times, 0, LARGE_BYTES if chance(0.1);
    return $self->not_blank($value);
}

# A meta command: its name, what stands between key and flags, and the data behind it.
sub meta
{
    my ($self, $name, $number, $data) = @_;
    my $key = pick($self->{keys});
    my ($key_name, @flags) = @{pick($key->{names})};
    $key_name = $self->{absent}, @flags = () if chance(3);
    for my $flag (sort keys %{$often{$name}}) { # sorted: a seed must always mean the same script
        push @flags, $flag . $self->flag_token($name, $flag) if chance($often{$name}{$flag});
    }
    push @flags, bad_flag() if chance(1.5);
    my ($compare) = grep { /^C/ } @flags;
    my @line = ("$name $key_name$number", shuffle(grep { !/^C/ } @flags));
    my $end = "\r\n$data";
    return command(join(' ', @line) . $end) unless $compare;
    my $place = 1 + int rand @line;
    my $head = join ' ', @line[0 .. $place - 1], 'C';
    my $tail = join(' ', '', @line[$place .. $#line]) . $end;
    return {head => $head . substr($compare, 1), tail => $tail} if chance(10);
    return {head => $head, unique => [$key->{raw}, int rand 2.2], tail => $tail};
}

sub flag_token
{
    my ($self, $name, $flag) = @_;
    return $token{$flag}->($self) unless $flag eq 'M';
    return pick($modes{$name});
}

# What no parser should take.
sub bad_flag
{
    return pick([qw(z A S W X Z 1 9 v k O Tx T N Nx Rx R Cx C T1x F Fx F-1 Dx D-1 D J Jx MX M Mxx T--1
                    C-1 E Ex T99999999999 N99999999999 R99999999999 C18446744073709551616
                    F4294967296 D18446744073709551616 J18446744073709551616 T2147483648 b - = !
                    O1234567890123456789012345678901 O12345678901234567890123456789012), "\x7f", "\xe9"]);
}

sub meta_get { my ($self) = @_; return $self->meta('mg', '', '') }
sub meta_delete { my ($self) = @_; return $self->meta('md', '', '') }
sub meta_arithmetic { my ($self) = @_; return $self->meta('ma', '', '') }

sub meta_set
{
    my ($self) = @_;
    my $value = $self->value;
    return $self->meta('ms', ' ' . length $value, "$value\r\n");
}

sub meta_debug
{
    my ($self) = @_;
    my ($key, @b) = @{pick(pick($self->{keys})->{names})};
    return command(join(' ', 'me', $key, @b, chance(20) ? 'x' : ()) . "\r\n");
}

sub meta_no_op
{
    return command(pick(["mn\r\n", "mn a b\r\n", "mnx\r\n"]));
}

# What the same item looks like to clients of the classic commands.
sub classic
{
    my ($self) = @_;
    my @keys = map { $_->{names}[0][0] } grep { !$_->{names}[0][1] } @{$self->{keys}};
    my $key = pick(\@keys);
    my $value = $self->value;
    my $numbers = join ' ', pick(\@client_flags), pick(\@exptimes), length $value;
    my $verb = pick([qw(set add replace append prepend)]);
    return command(pick(["get $key", "get @keys", "gets $key", "gat 100 $key", "touch $key 100",
                         "delete $key", "incr $key 5", "decr $key 5",
                         "$verb $key $numbers\r\n$value"]) . "\r\n");
}

# Lines that are wrong in a way somebody thought of.
sub malformed
{
    my ($self) = @_;
    my $k = pick($self->{keys})->{names}[0][0];
    my $long = 'k' x (251 + int rand 100);
    my $data = "\r\nhello\r\n";
    my $many = join ' ', map { "v$_" } 1 .. 17;
    return command("ms $k 3000000" . pick([' c k O1', ' q']) . "\r\n" . 'x' x 3_000_000 . "\r\n")
        if chance(2);
    return command(pick([
        "mg\r\n", "mg \r\n", "ms\r\n", "md\r\n", "ma\r\n", "me\r\n", "ms $k\r\n", "ms $k x$data",
        "ms $k -1$data", "ms $k 2147483646$data", "ms $k 4294967296$data", "ms $k +5$data",
        "ms $k 05$data", "ms $k 5 S100$data", "ms $k S5$data", "ms $k 5x$data", "ms $k 5\tq$data",
        "mg $long\r\n", "md $long q\r\n", "ma $long v\r\n", "ms $long 5$data", "me $long\r\n",
        "ms $k 4\r\nhello you\r\n", "ms $k 4 q k O1\r\nhello you\r\n", "ms $k 3 MA\r\nhello you\r\n",
        "ms $k 6 c${data}anx\r\n",
        "mg  $k   v  k \r\n", "ms  $k  5  T0 $data", "mg $k v\r\r\n", "mg $k v\n", "md $k q\n",
        "mg !!!! b\r\n", "mg A b\r\n", "mg AA b\r\n", "mg AAA b k\r\n", "mg AAAA b k\r\n",
        "mg AA== b k\r\n", "mg AAA= b k\r\n", "ms Zg== 5 b k$data", "md Zg== b k\r\n",
        "ms A 5 b$data", "ma A b\r\n", "md A b\r\n", "me A b\r\n", "mg Zh== b k\r\n",
        "mg " . base64('x' x 188) . " b\r\n", "ms " . base64('x' x 188) . " 5 b$data",
        "mg $k $many\r\n", "mg $k " . join(' ', ('v') x 30) . "\r\n", "ms $k 5 $many q t$data",
        "MG $k v\r\n", "mgx $k\r\n", "mx $k\r\n", "m $k\r\n", " mg $k\r\n", "mg $k noreply\r\n",
        "mg $k \0\r\n", "mg $k v\0\r\n",
    ]));
}

# A good line with one random change, made of letters that cannot end it.  The data that follows is
# a line that is an unknown command if it should be taken for one.
sub mutant
{
    my ($self) = @_;
    my $stores = chance(40);
    my $name = pick([qw(mg md ma)]);
    my $command = $stores ? $self->meta('ms', ' 5', '') : $self->meta($name, '', '');
    my ($line) = first_line($command) =~ /\A([^\r]*)/;
    my $at = int rand length $line;
    my $change = int rand 4;
    substr($line, $at, 1) = '' if $change == 0;
    substr($line, $at, 0) = pick([' ', 'x', '0', '-', '_', 'A']) if $change == 1;
    substr($line, $at, 1) = pick([' ', 'x', '7', '-', '+', "\t", '=']) if $change == 2;
    $line = substr $line, 0, $at if $change == 3;
    # A length that is not 5 would make data of the commands that follow.
    my @words = split / +/, $line;
    $words[2] = '5' if $stores && @words > 2 && $words[2] =~ /^\+?\d+$/;
    return command(join(' ', @words) . "\r\n" . ($stores ? "hello\r\n" : ''));
}

1;
