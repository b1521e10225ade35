#!/usr/bin/perl
# auth.pl - passwords and those who have none: files that change under a running server, and what must keep
# a server from starting.
#
#   t/net/auth.pl --server src/ketchd [--long] [scenario ...]
use strict;
use warnings;
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/lib";
use Hostile;
use Time::HiRes qw(sleep time);

use constant CLIENTS => 8;

my $dir = File::Temp->newdir('auth-XXXXXX', TMPDIR => 1);
my $users = "$dir/users";

sub write_file
{
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    print {$file} $text;
    close $file or die "$path: $!\n";
}

# As those replace a file who do not want it to be seen half written.
sub replace_users
{
    my ($text) = @_;
    write_file("$users.new", $text);
    rename "$users.new", $users or die "rename: $!\n";
}

sub log_in
{
    my ($socket, $user, $password) = @_;
    my $token = "$user $password";
    send_all($socket, sprintf "set a 0 0 %d\r\n%s\r\n", length $token, $token) or return 'closed';
    return receive_line($socket) // 'closed';
}

sub try_log_in
{
    my ($server, @who) = @_;
    return log_in(scalar open_clients($server), @who);
}

# A packet of the binary protocol, and the status of the next one that comes.
sub packet
{
    my ($opcode, $key, $value) = @_;
    return pack('CCnCxnNNx8', 0x80, $opcode, length $key, 0, 0, length($key) + length $value, 0)
        . $key . $value;
}

sub receive_status
{
    my ($socket) = @_;
    my $header = receive_bytes($socket, 24) // return 'closed';
    my (undef, undef, $status, $bytes) = unpack 'n n x2 n N', $header;
    receive_bytes($socket, $bytes);
    return $status;
}

sub log_in_by_sasl
{
    my ($socket, $user, $password) = @_;
    send_all($socket, packet(0x21, 'PLAIN', "\0$user\0$password")) or return 'closed';
    return receive_status($socket);
}

# Reloads all the time, and meanwhile has clients log in: $code is to return what is wrong.
sub reload_meanwhile
{
    my ($server, $texts, $code) = @_;
    my ($reloads, $logins) = (0, 0);
    my $end = time + duration_s(2, 20);
    while (time < $end) {
        replace_users($texts->[$reloads++ % @$texts]);
        kill 'HUP', $server->{pid};
        for (1 .. CLIENTS) {
            my @complaints = $code->(scalar open_clients($server));
            return @complaints if @complaints;
            $logins++;
        }
    }
    print "      $logins clients logged in during $reloads reloads\n";
    return stop_server($server);
}

scenario 'reload-while-logging-in' => sub {
    my ($path) = @_;
    replace_users("alice:secret\n");
    my $server = start_server($path, '-Y', $users);
    my @others = map { "user$_:password$_\n" } 1 .. 1000;
    return reload_meanwhile($server, ["alice:secret\n", "@others\nalice:secret\n", "alice:secret"], sub {
        my ($socket) = @_;
        my $wrong = log_in($socket, 'alice', 'wrong');
        return "a wrong password: $wrong" if $wrong ne 'CLIENT_ERROR authentication failure';
        my $right = log_in($socket, 'alice', 'secret');
        return "the right password: $right" if $right ne 'STORED';
        return ask($socket, 'mn') eq 'MN' ? () : 'not logged in afterwards';
    });
};

# The sockets are open while the file is still being read.
scenario 'reload-while-starting' => sub {
    my ($path) = @_;
    replace_users(join('', map { "user$_:password$_\n" } 1 .. 200_000) . "alice:secret\n");
    my $server = start_server($path, '-Y', $users);
    kill 'HUP', $server->{pid};
    my $reply = try_log_in($server, 'alice', 'secret');
    my @complaints = $reply eq 'STORED' ? () : "a login: $reply";
    return @complaints, stop_server($server);
};

scenario 'reload-while-logging-in-by-sasl' => sub {
    my ($path) = @_;
    replace_users("alice:secret\n");
    local $ENV{MEMCACHED_SASL_PWDB} = $users;
    my $server = start_server($path, '-S');
    my @others = map { "user$_:password$_:\n" } 1 .. 1000;
    return reload_meanwhile($server, ["alice:secret:\n", "@others\nalice:secret\n"], sub {
        my ($socket) = @_;
        my $wrong = log_in_by_sasl($socket, 'alice', 'wrong');
        return "a wrong password: $wrong" if $wrong ne 0x20;
        my $right = log_in_by_sasl($socket, 'alice', 'secret');
        return "the right password: $right" if $right ne 0;
        send_all($socket, packet(0x0a, '', ''));
        my $noop = receive_status($socket);
        return $noop eq 0 ? () : "afterwards: $noop";
    });
};

scenario 'a-bad-file-changes-nothing' => sub {
    my ($path) = @_;
    my @complaints;
    replace_users("alice:secret\n");
    my $server = start_server($path, '-Y', $users, '-v');
    my $old = open_clients($server);
    log_in($old, 'alice', 'secret');
    for ([sub { replace_users("eve:x\nnonsense\n") }, 'line 2 is not user:password'],
         [sub { replace_users("eve:x\0\n") },         'line 1 has a NUL in it'],
         [sub { unlink $users },                      'No such file or directory'],
         [sub { mkdir $users },                       'not a regular file']) {
        my ($break, $why) = @$_;
        $break->();
        kill 'HUP', $server->{pid};
        wait_for(5, sub { $server->log_text =~ /\Q$why\E; who could log in before still can/ })
            or push @complaints, "the log does not say: $why";
        my $answer = try_log_in($server, 'alice', 'secret');
        push @complaints, "$why: $answer" if $answer ne 'STORED';
    }
    rmdir $users;
    replace_users("alice:changed\n");
    kill 'HUP', $server->{pid};
    wait_for(5, sub { try_log_in($server, 'alice', 'changed') eq 'STORED' })
        or push @complaints, 'the new password is not taken';
    push @complaints, 'the old password is taken' if try_log_in($server, 'alice', 'secret') eq 'STORED';
    push @complaints, 'who was logged in is not any more' if ask($old, 'mn') ne 'MN';
    return @complaints, stop_server($server);
};

scenario 'a-relative-path-of-a-daemon' => sub {
    my ($path) = @_;
    replace_users("alice:secret\n");
    my @as = $> == 0 ? ('-u', 'root') : ();
    my $absolute = File::Spec->rel2abs($path);
    system("cd $dir && exec $absolute @as -d -m 64 -P $dir/pid -s $dir/socket -Y users") == 0
        or return 'the daemon does not start';
    open my $file, '<', "$dir/pid" or return 'no pid file';
    my $daemon = bless {pid => <$file> + 0, listen => 'unix', socket_path => "$dir/socket"},
        'Wire::Server';
    replace_users("alice:changed\n");
    kill 'HUP', $daemon->{pid};
    my $found = wait_for(5, sub {
        my $socket = IO::Socket::UNIX->new(Peer => "$dir/socket") or die "connect: $!\n";
        $socket->blocking(0);
        return log_in($socket, 'alice', 'changed') eq 'STORED';
    });
    kill 'TERM', $daemon->{pid};
    wait_for(5, sub { !-e "$dir/pid" });
    return $found ? () : 'the file is not found again';
};

# Runs a server that must not start; returns its exit code and what it says.
sub refused
{
    my ($path, @args) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        alarm 20;
        { exec {$path} $path, ($> == 0 ? ('-u', 'root') : ()), '-s', "$dir/refused", @args };
        POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? & 127 ? "signal $?" : $? >> 8, $text);
}

scenario 'what-keeps-it-from-starting' => sub {
    my ($path) = @_;
    my @complaints;
    write_file("$dir/bad", "alice\n");
    write_file("$dir/good", "alice:secret\n");
    delete local @ENV{qw(SASL_CONF_PATH MEMCACHED_SASL_PWDB)};
    for ([1,  'No such file',             '-Y', "$dir/none"],
         [1,  'not a regular file',       '-Y', "$dir"],
         [1,  'line 1 is not user:',      '-Y', "$dir/bad"],
         [64, 'one way only',             '-Y', "$dir/good", '-S'],
         [64, 'ascii protocol only',      '-Y', "$dir/good", '-B', 'auto'],
         [64, 'binary protocol only',     '-S', '-B', 'ascii'],
         [1,  '-S: ',                     '-S']) {
        my ($code, $words, @args) = @$_;
        next if "@args" eq '-S' && (-e '/etc/sasl/memcached.conf' || -e '/etc/sasl2/memcached.conf');
        my ($got, $text) = refused($path, @args);
        push @complaints, "@args: exit code $got" if $got ne $code;
        push @complaints, "@args: says $text" if index($text, $words) < 0;
    }
    $ENV{MEMCACHED_SASL_PWDB} = "$dir/bad";
    my ($got, $text) = refused($path, '-S');
    push @complaints, "a bad pwdb: exit code $got, says $text" if $got ne 1 || $text !~ /line 1/;
    delete $ENV{MEMCACHED_SASL_PWDB};
    return @complaints;
};

# They may keep a line and most of a token each, and no more.
scenario 'who-never-logs-in' => sub {
    my ($path) = @_;
    my $count = long_run() ? 900 : 200;
    replace_users("alice:secret\n");
    my $server = start_server($path, '-Y', $users, '-m', 64);
    my $before_mb = rss_mb($server);
    my @clients = open_clients($server, $count);
    send_all($_, 'set ' . 'x' x 2000 . " 0 0 16384\r\n" . 'y' x 16384) for @clients;
    my $right = try_log_in($server, 'alice', 'secret');
    my $more_mb = rss_mb($server) - $before_mb;
    printf "      %d clients: %.1f MB more\n", $count, $more_mb;
    my @complaints;
    push @complaints, "somebody else's login: $right" if $right ne 'STORED';
    push @complaints, 'too much memory' if !sanitized($server) && $more_mb > 0.03 * $count + 4;
    return @complaints, stop_server($server);
};

run_scenarios();
