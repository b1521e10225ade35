# Shadow - a client that knows what its own keys must hold, and checks every answer against that.
#
# Nobody else touches these keys, so an answer is right if it is what was stored last, or says that the
# key is missing: a cache may evict.  What was found missing must stay missing until it is stored again,
# and what has expired must be missing.
#
#     my $client = Shadow->new(socket => ..., prefix => 'a', keys => 1000, size => sub { ... });
#     my @complaints = $client->step;      # a pipeline of random commands, and its answers
package Shadow;

use strict;
use warnings;
use FindBin;
use Hostile ();
use Time::HiRes qw(time);

use constant {
    PATTERN_BYTES => 1 << 21,
    SALTS         => 1 << 20,
    SLACK_S       => 2,       # how late an expiry may show: two ticks of the server's clock
    BATCH_BYTES   => 1 << 20, # of a pipeline, about
};

my $pattern; # values are cut out of it

# What a client does, and how often.
my @commands = (
    (\&ask_set) x 25, (\&ask_get) x 40, (\&ask_add) x 4, (\&ask_replace) x 4, (\&ask_append) x 4,
    (\&ask_prepend) x 2, (\&ask_cas) x 5, (\&ask_delete) x 4, (\&ask_touch) x 3, (\&ask_gat) x 3,
    (\&ask_incr) x 4, (\&ask_many) x 2, (\&ask_nothing) x 2,
);

sub new
{
    my ($class, %with) = @_;
    $pattern //= make_pattern();
    my $self = bless {
        keys => 1000, batch => 30, ttl_share => 0.1, value_bytes_max => 1_000_000,
        size => sub { int exp rand log 10_000 }, may_lack_memory => 0,
        known => {}, waiting => [], operations => 0, hits => 0, lookups => 0, refused => 0, %with,
    }, $class;
    return $self;
}

# One pipeline; returns complaints.
sub step
{
    my ($self) = @_;
    my $text = '';
    $self->{complaints} = [];
    for (1 .. 1 + int rand $self->{batch}) {
        $text .= $commands[rand @commands]->($self);
        last if length $text > BATCH_BYTES;
    }
    Hostile::exchange($self->{socket}, $text) or return 'the server closed the connection';
    while (my $answer = shift @{$self->{waiting}}) {
        $self->{operations}++;
        my ($check, $asked) = @$answer;
        my $line = Hostile::receive_line($self->{socket}) // return "no answer to '$asked'";
        my $complaint = $check->($line);
        push @{$self->{complaints}}, "'$asked' was answered '$line': $complaint" if $complaint;
    }
    return @{$self->{complaints}};
}

# ---- values ----

sub make_pattern
{
    my $block = join '', map { chr 33 + int rand 90 } 1 .. 65_521;
    return substr $block x (1 + PATTERN_BYTES / length $block), 0, PATTERN_BYTES;
}

# A value is a list of pieces, each a place in the pattern and a length.
sub new_piece
{
    my ($self) = @_;
    my $bytes = $self->{size}->();
    $bytes = $self->{value_bytes_max} if $bytes > $self->{value_bytes_max};
    return [int rand SALTS, $bytes];
}

sub text_of
{
    return join '', map { substr $pattern, $_->[0], $_->[1] } @_;
}

sub bytes_of
{
    my $sum = 0;
    $sum += $_->[1] for @_;
    return $sum;
}

# ---- the model ----

sub random_key
{
    my ($self) = @_;
    # Some keys are much more popular than others.
    return $self->{prefix} . int($self->{keys} * rand() ** 2);
}

sub random_ttl
{
    my ($self) = @_;
    return rand() < $self->{ttl_share} ? 1 + int rand 5 : 0;
}

# What is now believed to be there; undef: nothing.
sub believe
{
    my ($self, $key, $belief) = @_;
    if ($belief) {
        $self->{known}{$key} = $belief;
    } else {
        delete $self->{known}{$key};
    }
}

sub expect
{
    my ($self, $asked, $check) = @_;
    push @{$self->{waiting}}, [$check, $asked =~ s/\r\n.*//sr];
    return $asked;
}

# Commands are checked in the order in which they were sent, so beliefs are changed as answers come.

sub header
{
    my ($verb, $key, $flags, $ttl, $pieces, @more) = @_;
    return join(' ', $verb, $key, $flags, $ttl, bytes_of(@$pieces), @more) . "\r\n"
         . text_of(@$pieces) . "\r\n";
}

sub fresh
{
    my ($self) = @_;
    return {pieces => [$self->new_piece], flags => rand() < 0.5 ? 0 : int rand 1 << 32,
            ttl => $self->random_ttl};
}

sub stored
{
    my ($self, $key, $new) = @_;
    $self->believe($key, {%$new, until => $new->{ttl} ? time + $new->{ttl} : undef});
    return '';
}

# A refused store: with too little memory that may happen, and the old value may be gone or not.
sub refused
{
    my ($self, $key) = @_;
    $self->{refused}++;
    return $self->{may_lack_memory} ? '' : 'there is memory enough';
}

sub ask_set
{
    my ($self) = @_;
    my $key = $self->random_key;
    my $new = $self->fresh;
    my $text = header('set', $key, @$new{qw(flags ttl pieces)});
    return $self->expect($text, sub {
        return $self->stored($key, $new) if $_[0] eq 'STORED';
        $self->believe($key, undef);
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        return 'expected STORED';
    });
}

sub ask_add
{
    my ($self) = @_;
    my $key = $self->random_key;
    my $new = $self->fresh;
    return $self->expect(header('add', $key, @$new{qw(flags ttl pieces)}), sub {
        return $self->stored($key, $new) if $_[0] eq 'STORED';
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        return 'expected STORED' if $_[0] ne 'NOT_STORED';
        return $self->{known}{$key} ? '' : 'nothing is there';
    });
}

sub ask_replace
{
    my ($self) = @_;
    my $key = $self->random_key;
    my $new = $self->fresh;
    return $self->expect(header('replace', $key, @$new{qw(flags ttl pieces)}), sub {
        if ($_[0] eq 'STORED') {
            my $was = $self->{known}{$key};
            $self->stored($key, $new);
            return $was ? '' : 'nothing was there';
        }
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        return 'expected NOT_STORED' if $_[0] ne 'NOT_STORED';
        $self->believe($key, undef);
        return '';
    });
}

sub ask_joining
{
    my ($self, $verb) = @_;
    my $key = $self->random_key;
    my $piece = $self->new_piece;
    $piece->[1] = 2000 if $piece->[1] > 2000;
    return $self->expect(header($verb, $key, 0, 0, [$piece]), sub {
        my $was = $self->{known}{$key};
        if ($_[0] eq 'STORED') {
            return 'nothing was there' unless $was;
            $verb eq 'append' ? push @{$was->{pieces}}, $piece : unshift @{$was->{pieces}}, $piece;
            return '';
        }
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        # It may also mean that there was no memory: then the old value may still be there.
        return $_[0] eq 'NOT_STORED' ? '' : 'expected NOT_STORED';
    });
}

sub ask_append { $_[0]->ask_joining('append') }
sub ask_prepend { $_[0]->ask_joining('prepend') }

sub ask_delete
{
    my ($self) = @_;
    my $key = $self->random_key;
    return $self->expect("delete $key\r\n", sub {
        my $was = $self->{known}{$key};
        $self->believe($key, undef);
        return '' if $_[0] eq 'NOT_FOUND';
        return 'expected DELETED' if $_[0] ne 'DELETED';
        return $was ? '' : 'nothing was there';
    });
}

sub ask_touch
{
    my ($self) = @_;
    my $key = $self->random_key;
    my $ttl = $self->random_ttl;
    return $self->expect("touch $key $ttl\r\n", sub {
        my $was = $self->{known}{$key};
        if ($_[0] eq 'NOT_FOUND') {
            $self->believe($key, undef);
            return '';
        }
        return 'expected TOUCHED' if $_[0] ne 'TOUCHED';
        return 'nothing was there' unless $was;
        $was->{until} = $ttl ? time + $ttl : undef;
        return '';
    });
}

# Reads one VALUE, whose first line has come, and what it must be; '' if it is.
sub check_value
{
    my ($self, $key, $line, $asked_at) = @_;
    my ($got_key, $flags, $bytes, $cas) = $line =~ /^VALUE (\S+) (\d+) (\d+)(?: (\d+))?$/
        or return 'expected VALUE';
    my $data = Hostile::receive_bytes($self->{socket}, $bytes + 2) // return 'it ends in the middle';
    my $belief = $self->{known}{$key};
    return 'another key' if $got_key ne $key;
    return 'nothing was there' unless $belief;
    $belief->{cas} = $cas if defined $cas;
    $self->{hits}++;
    return 'it has expired' if $belief->{until} && $asked_at > $belief->{until} + SLACK_S;
    return 'other flags' if $flags != $belief->{flags};
    return 'another length' if $bytes != bytes_of(@{$belief->{pieces}});
    return 'another value' if $data ne text_of(@{$belief->{pieces}}) . "\r\n";
    return '';
}

sub end_of_values
{
    my ($self) = @_;
    my $line = Hostile::receive_line($self->{socket}) // 'nothing';
    return $line eq 'END' ? '' : "then '$line'";
}

sub ask_retrieval
{
    my ($self, $words, $key, $ttl) = @_;
    my $asked_at = time;
    return $self->expect("$words $key\r\n", sub {
        $self->{lookups}++;
        if ($_[0] eq 'END') {
            $self->believe($key, undef);
            return '';
        }
        my $complaint = $self->check_value($key, $_[0], $asked_at) || $self->end_of_values;
        $self->{known}{$key}{until} = $ttl ? time + $ttl : undef if defined $ttl && !$complaint;
        return $complaint;
    });
}

sub ask_get
{
    my ($self) = @_;
    return $self->ask_retrieval(rand() < 0.8 ? 'get' : 'gets', $self->random_key);
}

sub ask_gat
{
    my ($self) = @_;
    my $ttl = $self->random_ttl;
    return $self->ask_retrieval("gat $ttl", $self->random_key, $ttl);
}

# A get of several keys: what does not come is missing.
sub ask_many
{
    my ($self) = @_;
    my @keys = map { $self->random_key } 1 .. 2 + int rand 30;
    my $asked_at = time;
    return $self->expect("get @keys\r\n", sub {
        my ($line) = @_;
        for my $key (@keys) {
            $self->{lookups}++;
            if ($line !~ /^VALUE \Q$key\E /) {
                $self->believe($key, undef);
                next;
            }
            my $complaint = $self->check_value($key, $line, $asked_at);
            return $complaint if $complaint;
            $line = Hostile::receive_line($self->{socket}) // return 'no END';
        }
        return $line eq 'END' ? '' : "expected END, came '$line'";
    });
}

# With the unique of the last gets: nobody else can have changed the item since, we alone may have.
sub ask_cas
{
    my ($self) = @_;
    my $key = $self->random_key;
    my $cas = $self->{known}{$key} ? $self->{known}{$key}{cas} // 1 : 1;
    my $new = $self->fresh;
    return $self->expect(header('cas', $key, @$new{qw(flags ttl pieces)}, $cas), sub {
        my $was = $self->{known}{$key};
        if ($_[0] eq 'STORED') {
            my $fits = $was && defined $was->{cas} && $was->{cas} == $cas;
            $self->stored($key, $new);
            return $fits ? '' : 'the unique was another';
        }
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        if ($_[0] eq 'NOT_FOUND') {
            $self->believe($key, undef);
            return '';
        }
        return 'expected EXISTS' if $_[0] ne 'EXISTS';
        return $was ? '' : 'nothing was there';
    });
}

# Numbers have keys of their own.
sub ask_incr
{
    my ($self) = @_;
    my $key = $self->{prefix} . 'n' . int rand 20;
    if (rand() < 0.2) {
        my $number = int rand 1000;
        my $bytes = length $number;
        return $self->expect("set $key 0 0 $bytes\r\n$number\r\n", sub {
            $self->{numbers}{$key} = $number;
            return '' if $_[0] eq 'STORED';
            delete $self->{numbers}{$key};
            return $self->refused($key);
        });
    }
    my $delta = int rand 100;
    my $verb = rand() < 0.5 ? 'incr' : 'decr';
    return $self->expect("$verb $key $delta\r\n", sub {
        my $was = $self->{numbers}{$key};
        if ($_[0] eq 'NOT_FOUND') {
            delete $self->{numbers}{$key};
            return '';
        }
        return $self->refused($key) if $_[0] =~ /^SERVER_ERROR out of memory/;
        return 'nothing was there' unless defined $was;
        my $now = $verb eq 'incr' ? $was + $delta : $was > $delta ? $was - $delta : 0;
        $self->{numbers}{$key} = $now;
        return $_[0] eq $now ? '' : "expected $now";
    });
}

sub ask_nothing
{
    my ($self) = @_;
    return $self->expect("mn\r\n", sub { $_[0] eq 'MN' ? '' : 'expected MN' });
}

1;
