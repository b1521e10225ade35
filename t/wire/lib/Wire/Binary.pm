# Wire::Binary - the binary protocol, as differ needs to know it (lib/Wire/Text.pm says what that is).
#
# The last byte of a packet's opaque, which servers repeat, is the number of its key in the script: so
# it is known whose unique a reply tells.
package Wire::Binary;

use strict;
use warnings;
use Wire::Binary::Differences;
use Wire::Binary::Generator;
use Wire::Uniques;

use constant {
    HEADER_BYTES => 24,
    VERSION      => 0x0b,
};

sub new
{
    my ($class, %with) = @_;
    my $generator = $with{excuses}
        ? Wire::Binary::Generator->new(allowed => \&Wire::Binary::Differences::allow,
                                       avoid   => Wire::Binary::Differences::avoid())
        : Wire::Binary::Generator->new(allowed => sub { 1 }, avoid => {});
    return bless {generator => $generator, excuses => $with{excuses}}, $class;
}

sub script
{
    my ($self, $round, $count) = @_;
    return $self->{generator}->script($round, $count);
}

sub list
{
    return Wire::Binary::Differences::list();
}

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

sub same
{
    my ($self, $one, $other) = @_;
    return $one eq $other;
}

1;
