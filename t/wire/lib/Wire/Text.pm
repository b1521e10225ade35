# Wire::Text - the classic text protocol, as differ needs to know it: see Wire::Protocol.
package Wire::Text;

use strict;
use warnings;
use parent qw(Wire::Protocol);
use Wire::Text::Differences;
use Wire::Text::Generator;
use Wire::Uniques;

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
        if ($line =~ /\AVALUE ([^ ]+) (\d+) (\d+)(?: (\d+))?\r\n\z/) {
            $line = "VALUE $1 $2 $3 unique-" . Wire::Uniques::rename($side, $1, $4) . "\r\n" if defined $4;
            $line .= substr $reply, $at, $3 + 2;
            $at += $3 + 2;
        }
        $out .= $line;
    }
    return $out;
}

1;
