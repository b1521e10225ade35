# Wire::Binary - the binary protocol, as differ needs to know it (lib/Wire/Protocol.pm says what that is).
#
# The last byte of a packet's opaque, which servers repeat, is the number of its key in the script: so
# it is known whose unique a reply tells.
package Wire::Binary;

use strict;
use warnings;
use parent qw(Wire::Protocol);
use Wire::Binary::Differences;
use Wire::Binary::Generator;
use Wire::Uniques;

use constant {
    HEADER_BYTES => 24,
    VERSION      => 0x0b,
};

# What is no packet stays as it is.
sub canonical
{
    my ($self, $side, $reply) = @_;
    my $out = '';
    my $at = 0;
    while (length($reply) - $at >= HEADER_BYTES) {
        my $header = substr $reply, $at, HEADER_BYTES;
        my ($magic, $opcode, $body_bytes, $opaque, $unique) = unpack 'CCx6NNQ>', $header;
        last if $magic != 0x81 || $body_bytes > length($reply) - $at - HEADER_BYTES;
        my $body = substr $reply, $at + HEADER_BYTES, $body_bytes;
        $at += HEADER_BYTES + $body_bytes;
        if ($unique) {
            substr($header, 16, 8) = pack 'Q>', Wire::Uniques::rename($side, $opaque & 0xff, $unique);
        }
        $body =~ s/\A1\.\d+\.\d+\z/(version)/ if $opcode == VERSION && $self->{excuses};
        $out .= $header . $body;
    }
    return $out . substr $reply, $at;
}

1;
