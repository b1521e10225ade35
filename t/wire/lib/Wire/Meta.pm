# Wire::Meta - the meta commands, as differ needs to know them (lib/Wire/Protocol.pm says what that is).
#
# Times may differ by a little: two servers' clocks do not tick at the same moment, and on a busy machine
# one may come to it seconds after the other.  (Exact times are for the transcripts.)
package Wire::Meta;

use strict;
use warnings;
use parent qw(Wire::Protocol);
use MIME::Base64 qw(decode_base64);
use Wire::Meta::Differences;
use Wire::Meta::Generator;
use Wire::Uniques;

use constant CLOCK_SLACK_S => 5;

sub canonical
{
    my ($self, $side, $reply) = @_;
    my $out = '';
    my $at = 0;
    while ($at < length $reply) {
        my $end = index $reply, "\n", $at;
        $end = length($reply) - 1 if $end < 0;
        my $line = substr $reply, $at, $end + 1 - $at;
        $at = $end + 1;
        $out .= $self->canonical_line($side, $line);
        next unless $line =~ /\AVA (\d+)/ || $line =~ /\AVALUE [^ ]+ \d+ (\d+)/;
        $out .= substr $reply, $at, $1 + 2;
        $at += $1 + 2;
    }
    return $out;
}

# Times stand between two bytes 1, where same() finds them.
sub canonical_line
{
    my ($self, $side, $line) = @_;
    if ($line =~ /\A(?:HD|VA \d+|EN|NS|NF|EX) /) {
        my $key = key_of($line);
        $line =~ s/ c(\d+)/' c' . name_of($side, $key, $1)/e;
        $line =~ s/ l\d+/ l/ if $self->{excuses};
        $line =~ s/ ([tl])(\d+)/ $1\x01$2\x01/g;
    } elsif ($line =~ /\AVALUE ([^ ]+) \d+ \d+ (\d+)\r\n\z/) {
        my $name = name_of($side, $1, $2);
        $line =~ s/ \d+\r/ $name\r/;
    } elsif ($line =~ /\AME /) {
        $line =~ s/ cas=(\d+)/' cas=' . name_of($side, undef, $1)/e;
        $line =~ s/ (exp|la)=(?!-1 )(-?\d+)/ $1=\x01$2\x01/g;
        $line =~ s/ cls=\d+ size=\d+// if $self->{excuses};
    }
    return $line;
}

# The key that the flags of a reply tell, as it is stored.
sub key_of
{
    my ($line) = @_;
    my ($key) = $line =~ / k([^ \r]+)/ or return undef;
    return $line =~ / b[ \r]/ ? decode_base64($key) : $key;
}

# 0 means that there is none.
sub name_of
{
    my ($side, $key, $unique) = @_;
    return $unique eq '0' ? '0' : 'unique-' . Wire::Uniques::rename($side, $key, $unique);
}

sub same
{
    my ($self, $one, $other) = @_;
    return 1 if $one eq $other;
    my @parts = map { [split /\x01(-?\d+)\x01/] } $one, $other;
    return 0 if @{$parts[0]} != @{$parts[1]};
    for my $i (0 .. $#{$parts[0]}) {
        my ($p, $q) = map { $_->[$i] } @parts;
        my $fits = $i % 2 ? abs($p - $q) <= CLOCK_SLACK_S : $p eq $q;
        return 0 unless $fits;
    }
    return 1;
}

1;
