package Wire::Meta::Differences;

use strict;
use warnings;

my @differences = (
);

sub list { return map { "$_->{what}: $_->{reason}" } @differences }
sub avoid { return {map { $_->{avoid} => 1 } grep { $_->{avoid} } @differences} }
sub allow { return 1 }
1;
