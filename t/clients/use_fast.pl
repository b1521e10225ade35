#!/usr/bin/perl
# Cache::Memcached::Fast: text protocol in C, ketama, a namespace, pipelines without answers, a unix
# socket.
#
# usage: use_fast.pl HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
use strict;
use warnings;

eval { require Cache::Memcached::Fast; 1 } or do {
    print "skipped: $@";
    exit 77;
};
my ($passed, $failed) = (0, 0);

print "Cache::Memcached::Fast $Cache::Memcached::Fast::VERSION\n";
basics('one server', {servers => [$ARGV[0]]});
basics('ketama', {servers => [@ARGV], ketama_points => 150});
basics('modula, namespace', {servers => [@ARGV], namespace => 'ns:'});
basics('nowait', {servers => [$ARGV[0]], nowait => 1});
if ($ENV{UNIX_SOCKET}) {
    my @servers = {address => $ENV{UNIX_SOCKET}, weight => 2.5};
    basics('unix socket', {servers => \@servers, ketama_points => 150});
}
print "$passed checks passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);

sub check
{
    my ($what, $got, $want) = @_;
    my ($g, $w) = map { flat($_) } $got, $want;
    my $good = $g eq $w;
    $good ? $passed++ : $failed++;
    print $good ? 'ok  ' : 'FAIL', "  $what\n";
    printf "      got  %.300s\n      want %.300s\n", $g, $w if !$good;
}

sub flat
{
    my ($value) = @_;
    return 'undef' unless defined $value;
    return '[' . join(',', map { flat($_) } @$value) . ']' if ref $value eq 'ARRAY';
    return $value unless ref $value eq 'HASH';
    return '{' . join(',', map { "$_=" . flat($value->{$_}) } sort keys %$value) . '}';
}

sub basics
{
    my ($name, $parameters) = @_;
    my $memd = Cache::Memcached::Fast->new({connect_timeout => 5, io_timeout => 5, %$parameters});
    my $versions = $memd->server_versions;
    check("$name: servers answer", scalar(keys %$versions), scalar @{$parameters->{servers}});
    $memd->flush_all;
    check("$name: a miss", $memd->get('nothing'), undef);
    check("$name: set", $memd->set('key', 'value'), 1);
    check("$name: get", $memd->get('key'), 'value');
    check("$name: add of what is there", $memd->add('key', 'x'), '');
    check("$name: replace of what is not", $memd->replace('no', 'x'), '');
    check("$name: append", $memd->append('key', '+'), 1);
    check("$name: prepend", $memd->prepend('key', '-'), 1);
    check("$name: what came together", $memd->get('key'), '-value+');
    check("$name: touch", $memd->touch('key', 100), 1);
    check("$name: gat", $memd->gat(100, 'key'), '-value+');
    check("$name: delete", $memd->delete('key'), 1);
    check("$name: delete of nothing", $memd->delete('key'), '');
    check("$name: a structure", $memd->set('s', {a => [1, 2, {b => 3}]}), 1);
    check("$name: the same again", $memd->get('s'), {a => [1, 2, {b => 3}]});
    numbers($name, $memd);
    uniques($name, $memd);
    multis($name, $memd);
    pipeline($name, $memd);
}

sub numbers
{
    my ($name, $memd) = @_;
    $memd->set('n', 10);
    check("$name: incr", $memd->incr('n', 5), 15);
    check("$name: decr", $memd->decr('n', 100) + 0, 0);
    check("$name: incr of nothing", $memd->incr('no', 5), '');
}

sub uniques
{
    my ($name, $memd) = @_;
    $memd->set('c', 'one');
    my ($unique, $value) = @{$memd->gets('c')};
    check("$name: gets", $value, 'one');
    check("$name: the right unique", $memd->cas('c', $unique, 'two'), 1);
    check("$name: the old unique", $memd->cas('c', $unique, 'three'), '');
    check("$name: the value", $memd->get('c'), 'two');
}

sub multis
{
    my ($name, $memd) = @_;
    my %values = map { ("m$_" => "value $_") } 1 .. 500;
    my @stored = $memd->set_multi(map { [$_, $values{$_}] } sort keys %values);
    check("$name: set_multi of 500", scalar(grep { $_ } @stored), 500);
    check("$name: get_multi of 500", $memd->get_multi(keys %values), \%values);
    check("$name: gats_multi", scalar(keys %{$memd->gats_multi(100, keys %values)}), 500);
    my @deleted = $memd->delete_multi(keys %values);
    check("$name: delete_multi", scalar(grep { $_ } @deleted), 500);
    check("$name: nothing is left", $memd->get_multi(keys %values), {});
}

# Called in void context, the commands are sent with noreply.
sub pipeline
{
    my ($name, $memd) = @_;
    $memd->set("p$_", $_) for 1 .. 1000;
    $memd->incr("p$_", 1000) for 1 .. 1000;
    $memd->delete("p$_") for 501 .. 1000;
    $memd->nowait_push;
    my $left = $memd->get_multi(map { "p$_" } 1 .. 1000);
    check("$name: after 2500 commands without answers", scalar(keys %$left), 500);
    check("$name: the last of them", $left->{p500}, 1500);
}
