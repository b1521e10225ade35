# Wire::Server - a server under test: started on a free port or a unix socket, stopped by its pid.
#
# A server that is stopped may take a second to die (memcached looks at signals once a second), so
# stop() only asks, and reap() waits and tells how it ended.
package Wire::Server;

use strict;
use warnings;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

use constant {
    START_ATTEMPTS  => 3,     # a UDP port that was free may be taken before the server binds it
    START_TIMEOUT_S => 20,    # generous: under valgrind a server needs seconds
    STOP_TIMEOUT_S  => 20,
};

my %running;                  # pid => server: what we must not leave behind
my $parent_pid = $$;

# start(path => ..., args => [...], listen => 'tcp' or 'unix').  Dies with the server's own words if
# it does not come up.
sub start
{
    my ($class, %with) = @_;
    my $error = '';
    for (1 .. START_ATTEMPTS) {
        my $self = bless {%with}, $class;
        $self->{args} //= [];
        $self->{listen} //= 'tcp';
        $self->launch;
        return $self if $self->wait_until_it_listens;
        $error = $self->log_text;
        $self->kill_now;
    }
    die "cannot start $with{path}: " . ($error || 'it does not listen') . "\n";
}

# A new non-blocking connection.
sub connect
{
    my ($self) = @_;
    my $socket = $self->try_connect or die "cannot connect to the server: $!\n";
    fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK) or die "fcntl: $!\n";
    setsockopt($socket, IPPROTO_TCP, TCP_NODELAY, 1) if $self->{listen} eq 'tcp';
    return $socket;
}

# Sends one command line and returns the first line of the answer, without its line end.
sub ask
{
    my ($self, $line) = @_;
    my $socket = $self->try_connect or return undef;
    local $SIG{ALRM} = sub { die "timeout\n" };
    my $answer = eval {
        alarm 10;
        syswrite $socket, "$line\r\n";
        my $text = '';
        while ($text !~ /\n/) {
            last unless sysread $socket, $text, 4096, length $text;
        }
        alarm 0;
        $text =~ /^(.*?)\r?\n/ ? $1 : undef;
    };
    alarm 0;
    return $answer;
}

sub is_running
{
    my ($self) = @_;
    return 0 if defined $self->{status};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;
    $self->ended($?);
    return 0;
}

# Asks the server to end.
sub stop
{
    my ($self) = @_;
    kill 'TERM', $self->{pid} if $self->is_running;
}

# Waits for the end and says what was wrong with it; '' if the server ended by itself with status 0.
sub reap
{
    my ($self, $timeout_s) = @_;
    my $deadline = time + ($timeout_s // STOP_TIMEOUT_S);
    while ($self->is_running) {
        if (time > $deadline) {
            $self->kill_now;
            return 'the server does not end when asked to';
        }
        sleep 0.005;
    }
    my $status = $self->{status};
    return '' if $status == 0;
    my $how = $status & 127 ? 'signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
    return "the server ended with $how\n" . $self->log_text;
}

# What the server wrote on its standard output and error; the last part of it if it is long.
sub log_text
{
    my ($self) = @_;
    open my $file, '<', $self->{log}->filename or return '';
    my $text = do { local $/; <$file> } // '';
    return length $text > 6000 ? '...' . substr($text, -6000) : $text;
}

sub kill_now
{
    my ($self) = @_;
    return unless $self->is_running;
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->ended($?);
}

# ---- private ----

sub launch
{
    my ($self) = @_;
    $self->{log} = File::Temp->new(TEMPLATE => 'wire-log-XXXXXX', TMPDIR => 1);
    my @where = $self->choose_address;
    my @command = ($self->{path}, ($> == 0 ? ('-u', 'root') : ()), @where, @{$self->{args}});
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>&', $self->{log};
        open STDERR, '>&', $self->{log};
        { exec {$command[0]} @command };
        print STDERR "exec $command[0]: $!\n";
        POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
}

sub choose_address
{
    my ($self) = @_;
    if ($self->{listen} eq 'unix') {
        $self->{dir} = File::Temp->newdir('wire-XXXXXX', TMPDIR => 1);
        $self->{socket_path} = $self->{dir}->dirname . '/s';
        return ('-s', $self->{socket_path});
    }
    $self->{reserved} = reserve_port();
    $self->{port} = $self->{reserved}->sockport;
    return ('-l', '127.0.0.1', '-p', $self->{port});
}

# A socket that is bound but does not listen: as long as it lives, the system gives its port to nobody
# who asks for any, and a server may listen there because both have SO_REUSEADDR.
sub reserve_port
{
    my ($port) = @_;
    return IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1', LocalPort => $port // 0,
        ReuseAddr => 1) // ($port ? undef : die "no port: $!\n");
}

sub wait_until_it_listens
{
    my ($self) = @_;
    my $deadline = time + START_TIMEOUT_S;
    while (time < $deadline && $self->is_running) {
        return 1 if $self->try_connect;
        sleep 0.005;
    }
    return 0;
}

sub try_connect
{
    my ($self) = @_;
    return IO::Socket::UNIX->new(Peer => $self->{socket_path}) if $self->{listen} eq 'unix';
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
}

sub ended
{
    my ($self, $status) = @_;
    $self->{status} = $status;
    delete $running{$self->{pid}};
}

END {
    if ($$ == $parent_pid) {
        my $status = $?;
        kill 'KILL', $_ for keys %running;
        $? = $status;
    }
}

1;
