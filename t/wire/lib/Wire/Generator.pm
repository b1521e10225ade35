# Wire::Generator - what the generators of random scripts share.
#
# A generator is a class with script($round, $count), as Wire::Protocol wants it, and
#   batch($count)   up to so many commands, for one connection
# A seed of Perl's rand determines all that it makes: nothing may depend on the order of a hash.
package Wire::Generator;

use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(first_line pick);

use constant {
    BATCH_COMMANDS_MAX => 120,
    VALUE_BYTES_MAX    => 20_000,
    BLOB_BYTES         => 65_536,
};

# allowed: says of a command whether it may be used.  avoid: what else to do without, a set.  kinds: what
# is chosen how often, [times, ...].  numbers, deltas: values that are numbers, and what to add to them;
# those of 19 digits and more are left out when avoid has huge_numbers.
sub make
{
    my ($class, %with) = @_;
    my $self = bless {allowed => $with{allowed}, avoid => $with{avoid}, table => []}, $class;
    my $is_fine = sub { !$with{avoid}{huge_numbers} || length $_[0] < 19 };
    $self->{$_} = [grep { $is_fine->($_) } @{$with{$_}}] for qw(numbers deltas);
    $self->{blob} = join '', map { chr int rand 256 } 1 .. BLOB_BYTES;
    for my $kind (@{$with{kinds}}) {
        push @{$self->{table}}, ($kind) x $kind->[0];
    }
    return $self;
}

# About 'count' commands.
sub batches
{
    my ($self, $count) = @_;
    my @batches;
    while ($count > 0) {
        my $most = $count < BATCH_COMMANDS_MAX ? $count : BATCH_COMMANDS_MAX;
        my $batch = $self->batch(1 + int rand $most);
        $count -= @$batch;
        push @batches, $batch;
    }
    return \@batches;
}

sub pick
{
    my ($from) = @_;
    return $from->[rand @$from];
}

sub first_line
{
    my ($command) = @_;
    my $unique = $command->{unique} ? '1' : '';
    return ("$command->{head}$unique$command->{tail}" =~ /\A([^\n]*)/)[0];
}

# Up to so many bytes of anything.
sub bytes
{
    my ($self, $most) = @_;
    my $length = int rand($most + 1);
    return substr $self->{blob}, int rand(BLOB_BYTES - $length), $length;
}

# A value: a number, or bytes, most of them few.
sub value
{
    my ($self) = @_;
    my $kind = rand;
    return pick($self->{numbers}) if $kind < 0.4;
    return $self->not_blank($self->bytes($kind < 0.7 ? 20 : $kind < 0.9 ? 1000 : VALUE_BYTES_MAX));
}

sub not_blank
{
    my ($self, $value) = @_;
    $value =~ s/\A\s/x/ if $self->{avoid}{blank_values};
    return $value;
}

1;
