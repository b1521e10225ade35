# Datagrams - a client over UDP: frames requests, puts replies together, and complains about frames
# that are wrong.
#
#     my $client = Datagrams->new(port => 11211);
#     my $id = $client->say("get a\r\n");
#     my $text = $client->reply($id);          # undef: none came
#     my $text = $client->ask("get a\r\n");    # both
#
# With lax => 1 it overlooks the empty replies that memcached sends at times.
package Datagrams;

use strict;
use warnings;
use Hostile ();
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

use constant {
    HEADER_BYTES   => 8,
    BODY_BYTES     => 1392,
    DATAGRAM_BYTES => 65536,
    RECEIVE_BYTES  => 4 << 20, # as much as the system gives
    TIMEOUT_S      => 10,      # of a reply that must come
};

# Ports that are free for both TCP and UDP: for TCP as long as we live, for UDP at least for the moment.
my @reserved;
sub free_ports
{
    my ($count) = @_;
    my (@ports, @held);
    for (1 .. 100) {
        my $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no port: $!\n";
        my $tcp = Wire::Server::reserve_port($udp->sockport);
        push @held, $udp; # so that the next is another
        push @reserved, $tcp if $tcp;
        push @ports, $udp->sockport if $tcp;
        return @ports if @ports == $count;
    }
    die "no free ports\n";
}

# A server with UDP; $server->{udp_port} says where.  Somebody may be faster and take its port.
sub start_server
{
    my ($path, @args) = @_;
    for my $try (1 .. 3) {
        my ($port) = free_ports(1);
        my $server = eval { Hostile::start_server($path, '-U', $port, @args) };
        die $@ if !$server && $try == 3;
        next unless $server;
        $server->{udp_port} = $port;
        return $server;
    }
}

sub new
{
    my ($class, %with) = @_;
    my $self = bless {host => '127.0.0.1', next_id => 1, parts => {}, messages => {}, %with}, $class;
    $self->{socket} = IO::Socket::IP->new(Proto => 'udp', PeerHost => $self->{host},
        PeerPort => $self->{port}, $with{local} ? (LocalHost => $with{local}) : ())
        or die "no socket: $@\n";
    setsockopt $self->{socket}, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES;
    $self->{select} = IO::Select->new($self->{socket});
    return $self;
}

sub frame
{
    my ($id, $body, %with) = @_;
    return pack('nnnn', $id, $with{sequence} // 0, $with{total} // 1, $with{reserved} // 0) . $body;
}

# Sends a request; returns its id.
sub say
{
    my ($self, $body) = @_;
    my $id = $self->{next_id}++ & 0xffff;
    $self->send_raw(frame($id, $body));
    return $id;
}

sub send_raw
{
    my ($self, $bytes) = @_;
    defined $self->{socket}->send($bytes) or die "send: $!\n";
}

# The messages that have come for an id, or undef after a while.
sub messages
{
    my ($self, $id, $timeout_s) = @_;
    my $deadline = time + ($timeout_s // TIMEOUT_S);
    until ($self->{messages}{$id}) {
        my $left_s = $deadline - time;
        return undef if $left_s <= 0 || !$self->receive($left_s);
    }
    return delete $self->{messages}{$id};
}

# The one message; dies if there were several.
sub reply
{
    my ($self, $id, $timeout_s) = @_;
    my $messages = $self->messages($id, $timeout_s) // return undef;
    die scalar(@$messages) . " messages for one request\n" if @$messages != 1;
    return $messages->[0];
}

sub ask
{
    my ($self, $body, $timeout_s) = @_;
    return $self->reply($self->say($body), $timeout_s);
}

# Everything that comes until nothing has come for a while, as raw datagrams.
sub raw_replies
{
    my ($self, $timeout_s) = @_;
    my @all;
    while ($self->{select}->can_read($timeout_s)) {
        defined $self->{socket}->recv(my $datagram, DATAGRAM_BYTES) or next;
        push @all, $datagram;
    }
    return @all;
}

# Everything that comes before the reply to a request of ours, which is behind all that was sent: a
# server answers one client's datagrams in their order.
sub raw_replies_so_far
{
    my ($self) = @_;
    my $fence = 0xffff;
    my @all;
    $self->send_raw(frame($fence, "mn\r\n"));
    while (1) {
        $self->{select}->can_read(TIMEOUT_S) or die "no reply to mn\n";
        defined $self->{socket}->recv(my $datagram, DATAGRAM_BYTES) or die "recv: $!\n";
        return @all if unpack('n', $datagram) == $fence;
        push @all, $datagram;
    }
}

# Takes one datagram; false: none came.
sub receive
{
    my ($self, $timeout_s) = @_;
    $self->{select}->can_read($timeout_s) or return 0;
    defined $self->{socket}->recv(my $datagram, DATAGRAM_BYTES) or die "recv: $!\n";
    $self->take($datagram);
    return 1;
}

sub take
{
    my ($self, $datagram) = @_;
    return if $self->{lax} && length $datagram == HEADER_BYTES;
    die 'a datagram of ' . length($datagram) . " bytes\n"
        if length $datagram <= HEADER_BYTES || length $datagram > HEADER_BYTES + BODY_BYTES;
    my ($id, $sequence, $total, $reserved) = unpack 'nnnn', $datagram;
    my $body = substr $datagram, HEADER_BYTES;
    my $parts = $self->{parts}{$id} //= {total => $total, count => 0};
    die "datagram $sequence of $total for $id, after one of $parts->{total}\n"
        if $total != $parts->{total} || $sequence >= $total;
    die "datagram $sequence of $total for $id came twice\n" if defined $parts->{$sequence};
    die "reserved is $reserved\n" if $reserved != 0;
    die "datagram $sequence of $total is not full\n"
        if $sequence < $total - 1 && length $body != BODY_BYTES;
    $parts->{$sequence} = $body;
    return if ++$parts->{count} < $total;
    push @{$self->{messages}{$id}}, join '', map { $parts->{$_} } 0 .. $total - 1;
    delete $self->{parts}{$id};
}

1;
