# Wire::Uniques - the cas uniques of a server, as differ sees them: each has a name, 1, 2, 3 in the
# order in which they appear, so that two servers' uniques can be compared; and for every key it is
# known which were seen last.
#
# A side is a hash with names => {} and learnt => {}, one for each server.
package Wire::Uniques;

use strict;
use warnings;

# The name of a unique of 'key', which is remembered; with no key it is only named.
sub rename
{
    my ($side, $key, $unique) = @_;
    if (defined $key) {
        my $learnt = $side->{learnt}{$key} //= [];
        push @$learnt, $unique if !@$learnt || $learnt->[-1] ne $unique;
    }
    return $side->{names}{$unique} //= 1 + keys %{$side->{names}};
}

# The last unique seen of 'key', or with back = 1 that before it; one that is none if there was none.
sub recall
{
    my ($side, $key, $back) = @_;
    my $learnt = $side->{learnt}{$key} // [];
    return $learnt->[-1 - $back] // '999999999999999';
}

1;
