#!/usr/bin/perl
# soak.pl - random commands of several clients for a while, in a cache too small for them: every answer
# must be right, and the server's memory must not grow.
#
#   t/net/soak.pl --server src/ketchd [--seconds 600] [--seed N]
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Hostile;
use Shadow;
use Time::HiRes qw(time);

use constant {
    CLIENTS      => 4,
    LIMIT_MB     => 64,
    WARM_SHARE   => 0.4,  # of the time; until then memory may grow
    GROWTH_SHARE => 0.02,
};

# Mostly small, some large: the mean is about 9 KB, so that all keys together are twice the cache.
sub random_size
{
    return rand() < 0.97 ? int exp rand log 20_000 : int rand 300_000;
}

sub median
{
    return (sort { $a <=> $b } @_)[@_ / 2];
}

scenario 'soak' => sub {
    my ($path) = @_;
    my $server = start_server($path, '-m', LIMIT_MB);
    my @clients = map {
        Shadow->new(socket => scalar open_clients($server), prefix => "c$_-", keys => 6000,
                    size => \&random_size)
    } 1 .. CLIENTS;
    my $seconds = duration_s(5, 600);
    my $began = time;
    my (@warm_mb, @late_mb);
    while ((my $passed_s = time - $began) < $seconds) {
        for my $client (@clients) {
            my @complaints = $client->step;
            return @complaints, 'the server: ' . $server->log_text if @complaints;
        }
        next if $passed_s < WARM_SHARE * $seconds;
        push @{$passed_s < (1 + WARM_SHARE) / 2 * $seconds ? \@warm_mb : \@late_mb}, rss_mb($server);
    }
    my %sum;
    for my $client (@clients) {
        $sum{$_} += $client->{$_} for qw(operations hits lookups);
    }
    my ($evictions, $items) = stat_of($clients[0]{socket}, 'evictions', 'curr_items');
    my ($warm_mb, $late_mb) = (median(@warm_mb), median(@late_mb));
    printf "      %d operations in %d s, %.0f %% of look-ups hit, %d evictions, %d items; "
         . "RSS %.1f MB, then %.1f MB\n", $sum{operations}, $seconds,
         100 * $sum{hits} / $sum{lookups}, $evictions, $items, $warm_mb, $late_mb;
    my @complaints;
    # The first hundred thousand fill the cache: a slow server gets no further.
    push @complaints, 'hardly anything was found'
        if $sum{hits} == 0 || ($sum{operations} > 100_000 && $sum{hits} < 0.2 * $sum{lookups});
    push @complaints, 'nothing was evicted' if $seconds >= 60 && $evictions == 0;
    push @complaints, 'memory grows' if $late_mb > $warm_mb * (1 + GROWTH_SHARE) && $seconds >= 60
        && !sanitized($server);
    return @complaints, stop_server($server);
};

run_scenarios();
