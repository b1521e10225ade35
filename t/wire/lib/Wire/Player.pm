# Wire::Player - plays sections of a transcript to a server in one mode, and compares the replies.
#
#   lock-step   a command is sent when the replies to those before it have come
#   whole       everything is sent at once, as far as the transcript allows
#   bytes       as whole, but one byte at a time; the middle of a long line goes in pieces
#   pieces      as whole, but cut at random
#
# "As far as the transcript allows": a command that needs a captured value, another connection, or a
# wait comes only after all replies before it.  A batch is what is sent in between.
#
# In the last two modes the server listens on a unix socket, because there the sender can see
# whether the other side has read a byte; so the cuts are real.
package Wire::Player;

use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Time::HiRes qw(sleep time);
use Wire::Transcript;

use constant {
    SIOCOUTQ     => 0x5411,    # Linux: bytes that the other end has not read yet
    READ_WAIT_S  => 0.02,      # how long a byte may lie unread before the next one is sent anyway
    BYTEWISE_MAX => 400,       # longer lines go byte by byte only at their ends,
    EDGE_BYTES   => 130,       # this far
    DEAF_WRITE_S => 0.3,       # how long we try to write to a server while not reading from it
};

sub new
{
    my ($class, %with) = @_;    # server, mode, timeout_s, clock: 'debugtime' or 'real'
    return bless {%with, replies => 0, clock_ahead_s => 0}, $class;
}

# Plays one section on new connections; dies with a description of the first difference.
sub play
{
    my ($self, $section) = @_;
    $self->{conns} = {};
    $self->{vars} = {};
    $self->{last_sent} = '';
    $self->play_batch($_) for batches($section->{steps}, $self->{mode} eq 'lock-step');
    $self->hang_up($_) for sort keys %{$self->{conns}};
}

# ---- cutting a section into batches ----

sub batches
{
    my ($steps, $lock_step) = @_;
    my @batches;
    my $previous;
    for my $step (@$steps) {
        push @batches, [] if !$previous || begins_batch($previous, $step, $lock_step);
        push @{$batches[-1]}, $step;
        $previous = $step;
    }
    return @batches;
}

sub begins_batch
{
    my ($previous, $step, $lock_step) = @_;
    return 1 if $step->{conn} != $previous->{conn};
    return 1 if !is_talk($step) || !is_talk($previous);
    return 1 if $previous->{do} eq 'expect' && $previous->{kind} =~ /^(?:eof|silence)$/;
    return $step->{do} eq 'send' && ($step->{uses} || $lock_step && $previous->{do} eq 'expect');
}

sub is_talk
{
    my ($step) = @_;
    return $step->{do} eq 'send' || $step->{do} eq 'expect';
}

# ---- playing ----

sub play_batch
{
    my ($self, $batch) = @_;
    return $self->direct($batch->[0]) unless is_talk($batch->[0]);
    my @lines = map { $self->resolve($_->{text}) }
                grep { $_->{do} eq 'send' } @$batch;
    $self->transmit($self->conn($batch->[0]{conn}), @lines) if @lines;
    for my $step (grep { $_->{do} eq 'expect' } @$batch) {
        $self->{step} = $step;
        $self->expect($self->conn($step->{conn}), $step);
        $self->{replies}++;
    }
}

sub direct
{
    my ($self, $step) = @_;
    my $do = $step->{do};
    $self->{step} = $step;
    if ($do eq 'wait') {
        sleep $step->{ms} / 1000;
    } elsif ($do eq 'pass') {
        $self->pass_time($step->{s});
    } elsif ($do eq 'clock') {
        $self->debugtime($step->{command}) if $self->{clock} eq 'debugtime';
    } elsif ($do eq 'exits') {
        my $wrong = $self->{server}->reap($self->{timeout_s});
        $self->fail('the server exits with status 0', $wrong) if $wrong;
    } elsif ($do eq 'says') {
        my $log = $self->{server}->log_text;
        $self->fail("the server has said: $step->{text}", $log) if index($log, $step->{text}) < 0;
    } elsif ($do eq 'close') {
        delete $self->{conns}{$step->{conn}};
    } elsif ($do eq 'deaf') {
        $self->conn($step->{conn})->{deaf} = 1;
    }
}

sub pass_time
{
    my ($self, $seconds) = @_;
    return sleep $seconds if $self->{clock} eq 'real';
    $self->debugtime("+$seconds");
    $self->{clock_ahead_s} += $seconds;
}

sub resolve
{
    my ($self, $text) = @_;
    return Wire::Transcript::resolve($text, $self->{vars}, time + $self->{clock_ahead_s});
}

sub debugtime
{
    my ($self, $argument) = @_;
    my $answer = $self->{server}->ask("debugtime $argument") // 'nothing';
    $self->fail("OK to debugtime $argument", $answer) if $answer ne 'OK';
}

# A connection that the server closed, or that was never opened, is opened when it is needed.
sub conn
{
    my ($self, $number) = @_;
    return $self->{conns}{$number} //=
        {socket => $self->{server}->connect, in => '', eof => 0, deaf => 0};
}

# Says that no more will come, and makes sure that the server has nothing to say that the transcript
# does not know of.
sub hang_up
{
    my ($self, $number) = @_;
    my $conn = $self->{conns}{$number};
    return if $conn->{deaf};
    $self->{step} = {line => 'end of section'};
    shutdown $conn->{socket}, 1;
    my $deadline = time + $self->{timeout_s};
    while (!$conn->{eof} && time < $deadline) {
        receive($conn, 0.1);
    }
    $self->fail('nothing more', $conn->{in}) if $conn->{in} ne '';
    return if $conn->{eof};
    $self->fail('the connection is closed after its last command', 'it stays open');
}

# ---- sending ----

sub transmit
{
    my ($self, $conn, @lines) = @_;
    $self->{last_sent} = $lines[-1];
    for my $piece ($self->pieces(@lines)) {
        write_all($conn, $piece) or return;
        wait_until_read($conn) if $self->{mode} eq 'bytes' || $self->{mode} eq 'pieces';
    }
}

sub pieces
{
    my ($self, @lines) = @_;
    return map { bytes_of_line($_) } @lines if $self->{mode} eq 'bytes';
    return random_pieces(join('', @lines), 70000) if $self->{mode} eq 'pieces';
    return join '', @lines;
}

sub bytes_of_line
{
    my ($line) = @_;
    return split //, $line if length $line <= BYTEWISE_MAX;
    my $middle = substr $line, EDGE_BYTES, length($line) - 2 * EDGE_BYTES;
    return ((split //, substr $line, 0, EDGE_BYTES),
            random_pieces($middle, 4096),
            (split //, substr $line, -EDGE_BYTES));
}

# Small pieces are as likely as large ones: the interesting cuts are close to each other.
sub random_pieces
{
    my ($bytes, $largest) = @_;
    my @pieces;
    my $at = 0;
    while ($at < length $bytes) {
        my @limits = grep { $_ <= $largest } 1, 3, 16, 200, 5000, 70000;
        my $length = 1 + int rand $limits[rand @limits];
        $length *= 50 if length $bytes > 200_000;    # or a megabyte would take all day
        push @pieces, substr $bytes, $at, $length;
        $at += $length;
    }
    return @pieces;
}

# Writes and, so that nobody waits for nobody, reads what comes meanwhile.  False when the server
# has closed the connection or does not take more.
sub write_all
{
    my ($conn, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $deadline = $conn->{deaf} ? time + DEAF_WRITE_S : undef;
    my $at = 0;
    while ($at < length $bytes) {
        my $written = syswrite $conn->{socket}, $bytes, length($bytes) - $at, $at;
        if (defined $written) {
            $at += $written;
        } elsif ($! == EAGAIN || $! == EINTR) {
            return 0 if $deadline && time > $deadline;
            wait_writable($conn);
        } else {
            return 0;
        }
    }
    return 1;
}

sub wait_writable
{
    my ($conn) = @_;
    vec(my $write = '', fileno $conn->{socket}, 1) = 1;
    my $read = $conn->{deaf} || $conn->{eof} ? '' : $write;
    select $read, $write, undef, 0.1;
    receive($conn, 0) if !$conn->{deaf} && !$conn->{eof};
}

sub wait_until_read
{
    my ($conn) = @_;
    my $deadline = time + READ_WAIT_S;
    my $unread = pack 'i', 0;
    while (ioctl($conn->{socket}, SIOCOUTQ, $unread) && unpack('i', $unread) > 0) {
        last if time > $deadline || $conn->{eof};
        receive($conn, 0.00005);
    }
}

# ---- receiving ----

# Waits up to 'wait_s' for bytes and takes what is there.
sub receive
{
    my ($conn, $wait_s) = @_;
    if ($wait_s > 0) {
        vec(my $read = '', fileno $conn->{socket}, 1) = 1;
        select $read, undef, undef, $wait_s;
    }
    while (1) {
        my $got = sysread $conn->{socket}, $conn->{in}, 262144, length $conn->{in};
        if (!defined $got) {
            return if $! == EAGAIN || $! == EINTR;
            return $conn->{eof} = 1;
        }
        return $conn->{eof} = 1 if $got == 0;
    }
}

sub expect
{
    my ($self, $conn, $step) = @_;
    my $kind = $step->{kind};
    return $self->expect_text($conn, $self->resolve($step->{text}))
        if $kind eq 'text';
    return $self->expect_line($conn, $step) if $kind eq 'line';
    return $self->expect_lines($conn, $step) if $kind eq 'lines';
    return $self->expect_eof($conn, $step) if $kind eq 'eof';
    return $self->expect_silence($conn, $step);
}

sub expect_text
{
    my ($self, $conn, $want) = @_;
    my $length = length $want;
    my $enough = sub {
        my $have = length $conn->{in};
        return 1 if $have >= $length;
        return $have < 65536 && substr($want, 0, $have) ne $conn->{in};
    };
    $self->receive_until($conn, $enough);
    $self->fail_text($want, $conn->{in}) if substr($conn->{in}, 0, $length) ne $want;
    substr($conn->{in}, 0, $length) = '';
}

sub expect_line
{
    my ($self, $conn, $step) = @_;
    my $regex = $self->resolve($step->{regex});
    my $line = $self->next_line($conn);
    $self->fail("~$regex", $conn->{in}) unless defined $line && $line =~ /\A(?:$regex)\z/;
    my %captured = %+;
    @{$self->{vars}}{keys %captured} = values %captured;
    substr($conn->{in}, 0, index($conn->{in}, "\n") + 1) = '';
}

sub expect_lines
{
    my ($self, $conn, $step) = @_;
    my $regex = $self->resolve($step->{regex});
    my $count = 0;
    while (defined(my $line = $self->next_line($conn))) {
        last unless $line =~ /\A(?:$regex)\z/;
        substr($conn->{in}, 0, index($conn->{in}, "\n") + 1) = '';
        $count++;
    }
    $self->fail("at least $step->{least} of ~$regex", $conn->{in}) if $count < $step->{least};
}

sub expect_eof
{
    my ($self, $conn, $step) = @_;
    $self->receive_until($conn, sub { $conn->{in} ne '' });
    $self->fail('the connection is closed', $conn->{in}) if $conn->{in} ne '' || !$conn->{eof};
    delete $self->{conns}{$step->{conn}};
}

sub expect_silence
{
    my ($self, $conn, $step) = @_;
    my $deadline = time + $step->{ms} / 1000;
    while (!$conn->{eof} && $conn->{in} eq '' && time < $deadline) {
        receive($conn, $deadline - time);
    }
    return if !$conn->{eof} && $conn->{in} eq '';
    my $got = $conn->{in} eq '' ? 'the connection is closed' : $conn->{in};
    $self->fail("nothing for $step->{ms} ms", $got);
}

# The next line, without its line end but still in the buffer; undef if none comes.
sub next_line
{
    my ($self, $conn) = @_;
    $self->receive_until($conn, sub { index($conn->{in}, "\n") >= 0 });
    my $end = index $conn->{in}, "\n";
    return undef if $end < 0;
    my $line = substr $conn->{in}, 0, $end;    # a regular expression would copy the whole buffer
    $line =~ s/\r\z//;
    return $line;
}

sub receive_until
{
    my ($self, $conn, $enough) = @_;
    my $deadline = time + $self->{timeout_s};
    while (!$enough->() && !$conn->{eof}) {
        my $left_s = $deadline - time;
        return $self->{timed_out} = 1 if $left_s <= 0;
        receive($conn, $left_s);
    }
}

# ---- failing ----

# Of two long texts, what matters is where they part.
sub fail_text
{
    my ($self, $want, $got) = @_;
    my $same = (($want ^ $got) =~ /\A(\0*)/)[0];
    my $from = length $same > 60 ? length($same) - 60 : 0;
    $self->fail(substr($want, $from), substr($got, $from), $from);
}

sub fail
{
    my ($self, $want, $got, $from) = @_;
    my $where = $from ? " (from byte $from on)" : '';
    $got = 'nothing' if $got eq '';
    die sprintf "line %s\n    sent      %s\n    expected  %s%s\n    received  %s\n",
        $self->{step}{line},
        Wire::Transcript::printable($self->{last_sent}, 100),
        Wire::Transcript::printable($want, 200), $where,
        Wire::Transcript::printable($got, 200);
}

1;
