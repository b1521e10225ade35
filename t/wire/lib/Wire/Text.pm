# Wire::Text - the classic text protocol, as differ needs to know it: what to say, and how to compare
# what comes back.
#
# A protocol is a class with
#   new(excuses => 0 or 1)    1: stay clear of the known differences between memcached 1.6.18 and us
#   script($round, $count)    about 'count' commands on fresh keys, as a list of batches
#   canonical($side, $reply)  a connection's whole answer, with its uniques renamed
#   same($one, $other)        whether two of those are the same answer
#   list                      "what: reason" of every known difference
# A batch is a connection's worth of commands, and a command
#   {head => bytes, unique => [key, n] or undef, tail => bytes}
# whose bytes are head, the n-th last unique that was learnt for the key (if it is to be packed =>
# 1, as eight bytes, else in digits), and tail.  A command that
# has pause_s stands alone in its batch, and nothing is said for so long.
package Wire::Text;

use strict;
use warnings;
use Wire::Text::Differences;
use Wire::Text::Generator;
use Wire::Uniques;

sub new
{
    my ($class, %with) = @_;
    my $generator = $with{excuses}
        ? Wire::Text::Generator->new(allowed => \&Wire::Text::Differences::allow,
                                     avoid   => Wire::Text::Differences::avoid())
        : Wire::Text::Generator->new(allowed => sub { 1 }, avoid => {});
    return bless {generator => $generator}, $class;
}

sub script
{
    my ($self, $round, $count) = @_;
    return $self->{generator}->script($round, $count);
}

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

sub same
{
    my ($self, $one, $other) = @_;
    return $one eq $other;
}

sub list
{
    return Wire::Text::Differences::list();
}

1;
