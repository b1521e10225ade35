# Wire::Binary::Differences - where memcached 1.6.18 is known to differ from what we promise of the binary
# protocol: the behaviour of 1.6.45 with its defects mended.
#
# Each has what it is about, the reason, and how random scripts stay clear of it: 'is' says of a packet
# (Wire::Binary::Generator tells its parts) whether it meets the difference, given
#   $packet   the packet
#   $says     the lengths that its header tells: extras, key, body
# or 'avoid' names what the generator is to do without.
package Wire::Binary::Differences;

use strict;
use warnings;

use constant GIBIBYTE => 1 << 30;

my %known = map { $_ => 1 } 0x00 .. 0x1a, 0x1c .. 0x1e, 0x20 .. 0x24;

my @differences = (
    {
        what   => 'an unknown opcode with extras or a key',
        reason => 'memcached takes them off the stream twice, we once',
        is     => sub {
            my ($packet, $says) = @_;
            return !$known{$packet->{opcode}} && $says->{extras} + $says->{key} > 0;
        },
    },
    {
        what   => 'touch, gat or stat with a value',
        reason => '1.6.18 takes it for the next packet, we refuse it',
        is     => sub {
            my ($packet, $says) = @_;
            return $says->{body} > $says->{extras} + $says->{key} &&
                $packet->{opcode} =~ /^(?:16|28|29|30|35|36)$/;
        },
    },
    {
        what   => 'a body of more than 1 GiB',
        reason => '1.6.18 waits for it, later versions refuse it',
        is     => sub { my ($packet, $says) = @_; $says->{body} > GIBIBYTE },
    },
    {
        what   => 'a header that is wrong and whose key or extras do not come',
        reason => '1.6.18 waits for them before it complains, we do not',
        is     => sub {
            my ($packet, $says) = @_;
            return $says->{extras} + $says->{key} >
                length join '', map { $packet->{$_} // '' } qw(extras key value);
        },
    },
    {
        what   => 'bytes behind a packet that begin no other',
        reason => 'memcached forgets the answers that it has not sent yet, we do not',
        is     => sub {
            my ($packet, $says) = @_;
            return $says->{body} < length join '', map { $packet->{$_} // '' } qw(extras key value);
        },
    },
    {
        what   => 'incr and decr of values of 2^63 and more',
        reason => '1.6.18 looks for a minus sign beyond the end of the value, and refuses it if ' .
                  'old memory holds one',
        avoid  => 'huge_numbers',
    },
    {
        what   => 'incr and decr of a value of nothing but white space',
        reason => 'memcached looks for the number beyond its end, in old memory',
        avoid  => 'blank_values',
    },
    {
        what   => 'incr and decr with a unique of a value of more than 512 KiB',
        reason => 'memcached keeps it in pieces, and does not compare the unique of what cannot be a ' .
                  'number for that reason alone',
        avoid  => 'large_values',
    },
    {
        what   => 'incr or decr of an item that a quiet get before it has found',
        reason => 'while the answer to that is not sent, memcached makes a new item of the number and ' .
                  'does not pad it',
        avoid  => 'held_items',
    },
    {
        what   => 'a flush with a delay after one without',
        reason => 'memcached forgets the first and shows again what nobody has looked for since, ' .
                  'we do not',
        avoid  => 'flush_delays',
    },
    {
        what   => 'the version',
        reason => 'ours is that of the memcached whose place we take',
    },
);

# "what: reason" of every difference.
sub list
{
    return map { "$_->{what}: $_->{reason}" } @differences;
}

# What Wire::Binary::Generator is to avoid: a set.
sub avoid
{
    return {map { $_->{avoid} => 1 } grep { $_->{avoid} } @differences};
}

# Whether a packet meets none of them.
sub allow
{
    my ($packet) = @_;
    my %says = map { $_ => $packet->{lies}{$_} // length($packet->{$_} // '') } qw(extras key);
    $says{body} = $packet->{lies}{body} //
        length join '', map { $packet->{$_} // '' } qw(extras key value);
    for my $known (@differences) {
        return 0 if $known->{is} && $known->{is}->($packet, \%says);
    }
    return 1;
}

1;
