# Wire::Protocol - what differ needs to know of a protocol: what to say, and how to compare what comes
# back.  Wire::Text, Wire::Meta and Wire::Binary are such.
#
# A protocol is a class with
#   new(excuses => 0 or 1)    1: stay clear of the known differences between memcached 1.6.18 and us
#   script($round, $count)    about 'count' commands on fresh keys, as a list of batches
#   canonical($side, $reply)  a connection's whole answer, with its uniques renamed: each has its own
#   same($one, $other)        whether two of those are the same answer
#   list                      "what: reason" of every known difference
# and two modules: <class>::Generator, which makes the scripts (Wire::Generator), and
# <class>::Differences, with table() (a Wire::Differences) and allow(), which says of a command that it
# is none of them.
#
# A batch is a connection's worth of commands, and a command
#   {head => bytes, unique => [key, n] or undef, tail => bytes}
# whose bytes are head, the n-th last unique that was learnt for the key (if it is to be packed =>
# 1, as eight bytes, else in digits), and tail.  A command that
# has pause_s stands alone in its batch, and nothing is said for so long.
package Wire::Protocol;

use strict;
use warnings;
use Wire::Uniques;

sub new
{
    my ($class, %with) = @_;
    my $known = "${class}::Differences";
    my @careful = (allowed => $known->can('allow'), avoid => $known->table->avoid);
    my @careless = (allowed => sub { 1 }, avoid => {});
    my $generator = "${class}::Generator"->new($with{excuses} ? @careful : @careless);
    return bless {generator => $generator, excuses => $with{excuses}}, $class;
}

sub script
{
    my ($self, $round, $count) = @_;
    return $self->{generator}->script($round, $count);
}

sub list
{
    my ($class) = @_;
    return "${class}::Differences"->table->list;
}

sub same
{
    my ($self, $one, $other) = @_;
    return $one eq $other;
}

# The bytes of a command for a side, which has uniques of its own.
sub command_bytes
{
    my ($side, $command) = @_;
    return $command->{head} . $command->{tail} unless $command->{unique};
    my $unique = Wire::Uniques::recall($side, @{$command->{unique}});
    $unique = pack 'Q>', $unique if $command->{packed};
    return $command->{head} . $unique . $command->{tail};
}

1;
