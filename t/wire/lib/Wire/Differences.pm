# Wire::Differences - a table of where memcached 1.6.18, the version in Debian 12, is known to differ from
# what we promise: the behaviour of 1.6.45 with its defects mended.
#
# Each entry has what it is about, the reason, and how random scripts stay clear of it: 'is' says of a
# command whether it meets the difference, given what meets() was given; or 'avoid' names what the
# generator of scripts is to do without.  One that has neither is told by --list, and excused where
# answers are compared.
package Wire::Differences;

use strict;
use warnings;

# What several protocols have in common.
my %common = (
    huge_numbers => {
        what   => 'arithmetic on values of 2^63 and more',
        reason => '1.6.18 looks for a minus sign beyond the end of the value, and refuses it if ' .
                  'old memory holds one',
        avoid  => 'huge_numbers',
    },
    blank_values => {
        what   => 'arithmetic on a value of nothing but white space',
        reason => 'memcached looks for the number beyond its end, in old memory',
        avoid  => 'blank_values',
    },
    held_items => {
        what   => 'arithmetic on an item whose answer to a get before it waits to be sent',
        reason => 'memcached makes a new item then, which nobody has fetched yet and is not padded',
        avoid  => 'held_items',
    },
    flush_delays => {
        what   => 'a flush with a delay after one without',
        reason => 'memcached forgets the first and shows again what nobody has looked for since, ' .
                  'we do not',
        avoid  => 'flush_delays',
    },
    short_line => {
        what   => 'a line of less than four bytes with its end',
        reason => '1.6.18 says ERROR, later versions CLIENT_ERROR bad command line format',
        is     => sub { length $_[-1] < 3 },
    },
    leading_spaces => {
        what   => 'spaces before a command',
        reason => '1.6.18 overlooks them, later versions say ERROR',
        is     => sub { $_[-1] =~ /^ / },
    },
);

# Entries, or names of those above.  'is' of short_line and leading_spaces wants the line, without its
# LF, as the last of what meets() is given.
sub new
{
    my ($class, @entries) = @_;
    return bless [map { ref $_ ? $_ : $common{$_} // die "no such difference: $_\n" } @entries], $class;
}

# "what: reason" of every difference.
sub list
{
    my ($self) = @_;
    return map { "$_->{what}: $_->{reason}" } @$self;
}

# What a generator is to avoid: a set.
sub avoid
{
    my ($self) = @_;
    return {map { $_->{avoid} => 1 } grep { $_->{avoid} } @$self};
}

# Whether a command is one of them.
sub meets
{
    my ($self, @command) = @_;
    return scalar grep { $_->{is} && $_->{is}->(@command) } @$self;
}

# A line, without its LF, as a list of words; CR is no part of the last.
sub words
{
    my ($line) = @_;
    $line =~ s/\r\z//;
    return grep { $_ ne '' } split / /, $line;
}

1;
