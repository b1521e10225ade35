#!/usr/bin/perl
# selftest.pl - a test that cannot fail is worth nothing: plays transcripts that are wrong on
# purpose and demands that the runner says so, in every mode, and where; lets differ compare servers
# that do differ.
#
# Each says in its first line what the runner must say: "# fails: line 8".  Without, it must pass.
# The server is $WIRE_SERVER.
use strict;
use warnings;
use File::Basename qw(basename);
use FindBin;

my $server = $ENV{WIRE_SERVER} or die "WIRE_SERVER must name a server\n";
my @runner = ($^X, "$FindBin::Bin/runner", '--timeout', '0.7', '--seed', '1');
my $failed = 0;
my $passed = 0;

check_transcript($_) for sort glob "$FindBin::Bin/selftest/*.wire";
check_missing_server();
check_differ('differ finds no difference to itself', 0);
check_differ('differ finds that uniques are missing', 1, '--b-arg', '-C');
check_differ('differ finds that flush_all is refused', 1, '--b-arg', '-F');
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);

sub check_transcript
{
    my ($file) = @_;
    my $expected = expectation($file);
    my $output = run('--server', $server, $file);
    my $status = $? >> 8;
    verdict(basename($file), $expected ? judge_failure($expected, $status, $output) :
                             $status == 0 ? '' : "exit status $status", $output);
}

sub check_missing_server
{
    my $output = run('--server', '/nonexistent/server', "$FindBin::Bin/selftest/good.wire");
    my $status = $? >> 8;
    verdict('a server that is none', $status == 1 ? '' : "exit status $status", $output);
}

# Compares the server with itself under other options.
sub check_differ
{
    my ($what, $expected, @options) = @_;
    my @command = ($^X, "$FindBin::Bin/differ", '--a', $server, '--b', $server, '--count', 5000,
                   '--seed', 1, '--most', 1, @options);
    my $output = output_of(@command);
    my $status = $? >> 8;
    verdict($what, $status == $expected ? '' : "exit status $status", $output);
}

sub expectation
{
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    return <$in> =~ /^# fails: (.+)/ ? $1 : undef;
}

sub judge_failure
{
    my ($expected, $status, $output) = @_;
    return "exit status $status instead of 1" if $status != 1;
    return 'it passed in some mode' if $output =~ /^PASS/m;
    return "it does not say '$expected'" if $output !~ /\b\Q$expected\E\b/;
    return '';
}

sub run
{
    return output_of(@runner, @_);
}

sub output_of
{
    my @command = @_;
    open my $out, '-|', @command or die "cannot run $command[1]: $!\n";
    my $output = do { local $/; <$out> } // '';
    close $out;
    return $output;
}

sub verdict
{
    my ($what, $wrong, $output) = @_;
    $wrong ? $failed++ : $passed++;
    printf "%s  %s%s\n", $wrong ? 'FAIL' : 'PASS', $what, $wrong ? ": $wrong" : '';
    print $output if $wrong;
}
