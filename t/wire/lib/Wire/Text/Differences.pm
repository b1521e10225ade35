# Wire::Text::Differences - the table of Wire::Differences for the classic commands.  'is' is given
#   $name    the first word of a line, '' if it has none
#   $words   all its words, the first included
#   $line    the line without its LF
package Wire::Text::Differences;

use strict;
use warnings;
use Wire::Differences;

my $storage = qr/^(?:set|add|replace|append|prepend|cas)$/;
my $takes_noreply = qr/^(?:set|add|replace|append|prepend|cas|incr|decr|delete|touch|flush_all
                          |verbosity|cache_memlimit)$/x;

# Words a command needs and words it has, itself and "noreply" not counted in the second.
my %least = (
    set => 5, add => 5, replace => 5, append => 5, prepend => 5, cas => 6, get => 2, gets => 2,
    gat => 3, gats => 3, incr => 3, decr => 3, delete => 2, touch => 3, verbosity => 2, me => 2,
);
my %most = (
    set => 5, add => 5, replace => 5, append => 5, prepend => 5, cas => 6, incr => 3, decr => 3,
    touch => 3, flush_all => 2, verbosity => 2,
);

my $table = Wire::Differences->new(
    'short_line',
    {
        what   => 'too few words for the command',
        reason => '1.6.18 says ERROR (to gat 10: END), later versions CLIENT_ERROR',
        is     => sub { my ($name, $words) = @_; @$words < ($least{$name} // 0) },
    },
    {
        what   => 'more words than the command has',
        reason => '1.6.18 says ERROR or another error, later versions ignore them',
        is     => sub {
            my ($name, $words) = @_;
            return $most{$name} && @$words > $most{$name} + ($words->[-1] eq 'noreply');
        },
    },
    {
        what   => 'delete with an argument',
        reason => '1.6.18 accepts only 0, later versions ignore what it is',
        is     => sub {
            my ($name, $words) = @_;
            return 0 if $name ne 'delete' || @$words < 3;
            return join(' ', @$words[2 .. $#$words]) !~ /^(?:0|noreply|0 noreply)$/;
        },
    },
    {
        what   => 'bad flags, exptime or unique of a storage command',
        reason => '1.6.18 reads the data that follows as commands, later versions throw it away',
        is     => \&has_bad_numbers,
    },
    {
        what   => 'a key of more than 250 bytes',
        reason => '1.6.18 reads the data of a storage command as commands, and loses the next ' .
                  'reply of a pipeline after others; 1.6.45 ends a retrieval with two CR LF',
        is     => sub { my ($name, $words) = @_; scalar grep { length > 250 } @$words },
    },
    {
        what   => 'client flags of 2^32 and more',
        reason => 'memcached cuts them to 32 bits, we refuse them',
        is     => sub {
            my ($name, $words) = @_;
            my ($digits) = ($words->[2] // '') =~ /^\+?0*(\d{10,})$/;
            return $name =~ $storage && defined $digits && $digits > 4294967295;
        },
    },
    {
        what   => 'lengths beyond 32 bits',
        reason => '1.6.18 takes them modulo 2^32',
        is     => sub {
            my ($name, $words) = @_;
            my ($digits) = ($words->[4] // '') =~ /^(\d{10,})$/;
            return $name =~ $storage && defined $digits && $digits > 4294967295;
        },
    },
    {
        what   => 'expiration times beyond 2038',
        reason => 'memcached keeps 31 bits and takes later times for past ones, we do not',
        is     => sub {
            my ($name, $words) = @_;
            my $at = {gat => 1, gats => 1, flush_all => 1, touch => 2}->{$name} // 3;
            my ($digits) = ($words->[$at] // '') =~ /^[+-]?(\d{10,})$/;
            return defined $digits && $digits > 2147483647;
        },
    },
    'leading_spaces',
    {
        what   => 'an unknown command with noreply',
        reason => '1.6.18 says ERROR, later versions nothing',
        is     => sub {
            my ($name, $words) = @_;
            return @$words > 1 && $words->[-1] eq 'noreply' && $name !~ $takes_noreply;
        },
    },
    {
        what   => 'noreply after the keys of get',
        reason => '1.6.18 takes it for a key, later versions ignore it',
        is     => sub { my ($name, $words) = @_; $name =~ /^gets?$/ && $words->[-1] eq 'noreply' },
    },
    {
        what   => 'a gat line of more than 2048 bytes',
        reason => 'memcached closes the connection if it reads that much before the line ends',
        is     => sub {
            my ($name, $words, $line) = @_;
            return $name =~ /^gats?$/ && length $line > 2000;
        },
    },
    {
        what   => 'TAB, a plus sign or -0 where an unsigned number or an exptime is due',
        reason => '1.6.18 reads them with strtol(), later versions and we do not, but for flags ' .
                  'and exptime of the storage commands',
        is     => sub {
            my ($name, $words) = @_;
            my @numbers = $name =~ /^gats?$/ ? $words->[1] // () : @$words[2 .. $#$words];
            return scalar grep { /\t/ || $name !~ $storage && /^(?:\+|-0)/ } @numbers;
        },
    },
    {
        what   => 'CR or NUL within the line',
        reason => '1.6.18 handles some lines as C strings',
        is     => sub {
            my ($name, $words, $line) = @_;
            return $line =~ /[\r\0](?!\z)|\0\z/;
        },
    },
    'huge_numbers',
    'blank_values',
    'flush_delays',
    {
        what   => 'shutdown without -A',
        reason => '1.6.18 says ERROR: shutdown not enabled, 1.6.45 SERVER_ERROR: ...',
        is     => sub { my ($name) = @_; $name eq 'shutdown' },
    },
);

sub table
{
    return $table;
}

# Whether a line, without its LF, meets none of them.
sub allow
{
    my ($line) = @_;
    my @words = Wire::Differences::words($line);
    return !$table->meets($words[0] // '', \@words, $line);
}

# Whether digits are more than 64 bits hold; Perl would compare them as floating point.
sub is_huge
{
    my ($digits) = @_;
    $digits =~ s/^0+//;
    return length $digits > 20 || length $digits == 20 && $digits gt '18446744073709551615';
}

sub has_bad_numbers
{
    my ($name, $words) = @_;
    return 0 if $name !~ $storage;
    my ($flags, $exptime, $unique) = map { $words->[$_] // '' } 2, 3, 5;
    return 1 if $flags !~ /^\+?\d+$/ || $exptime !~ /^(?:\+?\d+|-\d+)$/;
    return $name eq 'cas' && ($unique !~ /^\d+$/ || is_huge($unique));
}

1;
