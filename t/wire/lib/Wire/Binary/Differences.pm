# Wire::Binary::Differences - the table of Wire::Differences for the binary protocol.  'is' is given
#   $packet   the packet (Wire::Binary::Generator tells its parts)
#   $says     the lengths that its header tells: extras, key, body
package Wire::Binary::Differences;

use strict;
use warnings;
use Wire::Differences;

use constant GIBIBYTE => 1 << 30;

my %known = map { $_ => 1 } 0x00 .. 0x1a, 0x1c .. 0x1e, 0x20 .. 0x24;

my $table = Wire::Differences->new(
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
    'huge_numbers',
    'blank_values',
    {
        what   => 'incr and decr with a unique of a value of more than 512 KiB',
        reason => 'memcached keeps it in pieces, and does not compare the unique of what cannot be a ' .
                  'number for that reason alone',
        avoid  => 'large_values',
    },
    'held_items',
    'flush_delays',
    {
        what   => 'the version',
        reason => 'ours is that of the memcached whose place we take',
    },
);

sub table
{
    return $table;
}

# Whether a packet meets none of them.
sub allow
{
    my ($packet) = @_;
    my %says = map { $_ => $packet->{lies}{$_} // length($packet->{$_} // '') } qw(extras key);
    $says{body} = $packet->{lies}{body} //
        length join '', map { $packet->{$_} // '' } qw(extras key value);
    return !$table->meets($packet, \%says);
}

1;
