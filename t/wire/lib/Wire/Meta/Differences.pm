# Wire::Meta::Differences - the table of Wire::Differences for the meta commands.  'is' is given
#   $name    the first word of a line
#   $words   all its words, the first included
#   $flags   the words behind key and length, by their letter, without it: {v => '', T => '30'}
#   $line    the line without its LF
package Wire::Meta::Differences;

use strict;
use warnings;
use MIME::Base64 qw(decode_base64 encode_base64);
use Wire::Differences;

my $meta = qr/^m[sgda]$/;

my $table = Wire::Differences->new(
    {
        what   => 'E and x',
        reason => '1.6.18 does not know them',
        is     => sub { my ($name, $words, $flags) = @_; defined($flags->{E} // $flags->{x}) },
    },
    {
        what   => 's of ms',
        reason => '1.6.18 does not answer it',
        is     => sub { my ($name, $words, $flags) = @_; $name eq 'ms' && defined $flags->{s} },
    },
    {
        what   => 'N of ms',
        reason => '1.6.18 does not know it, and appends to nothing',
        is     => sub { my ($name, $words, $flags) = @_; $name eq 'ms' && defined $flags->{N} },
    },
    {
        what   => 'M without a letter, or with several',
        reason => '1.6.18 has an error of its own for that',
        is     => sub { my ($name, $words, $flags) = @_; length($flags->{M} // 'x') != 1 },
    },
    {
        what   => 'a number of -0 where none can be negative: C, D, F, J',
        reason => 'memcached reads it with strtoul(), 1.6.45 no longer for F; we take digits only',
        is     => sub { my ($name, $words, $flags) = @_; grep { ($flags->{$_} // '') =~ /^-/ } qw(C D F J) },
    },
    'huge_numbers',
    'blank_values',
    {
        what   => 'the number that l shows',
        reason => 'memcached notes an access at most once a minute, we note each (Wire::Meta)',
    },
    {
        what   => 'a number that gets longer',
        reason => '1.6.18 makes a new item, and forgets what h shows, marks, the binary key, and T of ma',
        avoid  => 'longer_numbers',
    },
    {
        what   => 'a line of more than 20 words',
        reason => '1.6.18 has other words for it, and reads the data of ms as commands',
        is     => sub { my ($name, $words) = @_; $name =~ $meta && @$words > 20 },
    },
    {
        what   => 'a key of more than 250 bytes',
        reason => '1.6.18 reads the data of ms as commands; of ma it says it in other words',
        is     => sub {
            my ($name, $words) = @_;
            return $name =~ /^m[sa]$/ && length($words->[1] // '') > 250;
        },
    },
    {
        what   => 'a length that is no plain number',
        reason => '1.6.18 takes a plus sign, a TAB behind it, and lengths modulo 2^32',
        is     => sub {
            my ($name, $words) = @_;
            return $name eq 'ms' && ($words->[2] // '') =~ /^(?:\+\d|\d+\t|\d{10})/;
        },
    },
    {
        what   => 'base64 that is not canonical',
        reason => '1.6.18 passes over what it does not know, we refuse it',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return defined $flags->{b} && !is_canonical($words->[1]);
        },
    },
    'held_items',
    {
        what   => 'v of mg with C',
        reason => '1.6.18 sends the value also if the unique is the same',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return $name eq 'mg' && defined $flags->{v} && defined $flags->{C};
        },
    },
    {
        what   => 'an opaque token of more than 31 characters',
        reason => '1.6.18 looks at it last, when the rest of the command is done',
        is     => sub { my ($name, $words, $flags) = @_; length($flags->{O} // '') > 31 },
    },
    {
        what   => 'a line without a key',
        reason => '1.6.18 says ERROR',
        is     => sub { my ($name, $words) = @_; $name =~ $meta && @$words < 2 },
    },
    'short_line',
    'leading_spaces',
    {
        what   => 'a word that can be no flag',
        reason => '1.6.18 says invalid flag, later versions bad command line format',
        is     => sub { my ($name, $words, $flags) = @_; scalar grep { /[^A-Za-z0-9]/ } keys %$flags },
    },
    {
        what   => 'wrong flags of md and ma',
        reason => '1.6.18 has one text for several errors',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return $name =~ /^m[da]$/ && ($flags->{wrong} ||
                                          grep { is_no_number($_, $flags->{$_}) } keys %$flags);
        },
    },
    {
        what   => 'numbers that are too large, or have something before or behind them',
        reason => '1.6.18 reads them with strtol()',
        is     => sub { my ($name, $words, $flags) = @_; scalar grep { is_bad_number($_, $flags->{$_}) } keys %$flags },
    },
    {
        what   => 't of an item that has just ended',
        reason => 'memcached shows a negative time as an unsigned number, we show 0',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return defined $flags->{t} && grep { is_past($flags->{$_}) } qw(N T);
        },
    },
    {
        what   => 'N, MA and MP with b',
        reason => '1.6.18 forgets that the key is binary',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return defined $flags->{b} && (defined $flags->{N} || ($flags->{M} // '') =~ /^[AaPp]/);
        },
    },
    {
        what   => 'a key that needs no base64, but is stored with it',
        reason => '1.6.18 forgets that when something is appended',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return $name eq 'ms' && defined $flags->{b} && is_text($words->[1]);
        },
    },
    {
        what   => 'k of ma with b, if the key needs no base64',
        reason => '1.6.18 shows it as it came, not as it is stored',
        is     => sub {
            my ($name, $words, $flags) = @_;
            return $name eq 'ma' && defined $flags->{b} && defined $flags->{k} && is_text($words->[1]);
        },
    },
    {
        what   => 'me',
        reason => '1.6.18 shows times with the wrong sign, and does not know b',
        is     => sub { my ($name) = @_; $name eq 'me' },
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
    my $name = $words[0] // '';
    my %flags;
    if ($name =~ $meta) {
        for my $word (@words[($name eq 'ms' ? 3 : 2) .. $#words]) {
            my ($letter, $token) = $word =~ /\A(.)(.*)\z/s;
            $flags{wrong} = 1 if $letter !~ /[bcfhklqstuvxCDEFIJLMNOPRT]/ || defined $flags{$letter};
            $flags{$letter} //= $token;
        }
    }
    return !$table->meets($name, \@words, \%flags, $line);
}

my %largest = (
    C => '18446744073709551615', D => '18446744073709551615', J => '18446744073709551615',
    F => '4294967295', N => '2147483647', R => '2147483647', T => '2147483647',
);

# Whether a flag's token begins like what strtol() takes for a number, and is none that fits.
sub is_bad_number
{
    my ($letter, $token) = @_;
    return 0 if !$largest{$letter} || $token !~ /^[\t+]*-?\d/;
    my ($digits, $rest) = $token =~ /^-?0*(\d*)(.*)\z/s;
    return 1 if $rest ne '' || length $digits > length $largest{$letter};
    return length $digits == length $largest{$letter} && $digits gt $largest{$letter};
}

# Whether a flag should have a number and has none.
sub is_no_number
{
    my ($letter, $token) = @_;
    return $largest{$letter} && $token !~ ($letter =~ /[NRT]/ ? qr/^-?\d/ : qr/^\d/);
}

sub is_text
{
    my ($base64) = @_;
    return decode_base64($base64) !~ /[\0-\x20\x7f-\xff]/;
}

sub is_canonical
{
    my ($base64) = @_;
    return encode_base64(decode_base64($base64), '') eq $base64;
}

# Whether an exptime is over already: one that is negative, or more than 30 days and so a moment of 1970.
sub is_past
{
    my ($exptime) = @_;
    return defined $exptime && $exptime =~ /^-?\d+\z/ && ($exptime < 0 || $exptime > 2592000 && $exptime < 1e9);
}

1;
