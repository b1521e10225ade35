# Wire::Transcript - reads a transcript: a file of sections, each a list of steps.  README describes
# the language; here is what it becomes.
#
#   transcript  { file, args => [server options], tcp => bool, asks => bool, sections => [section, ...] }
#   section     { title, line, skip_on => {server => reason}, clock => bool, exact_clock => bool,
#                 longest_pass_s, steps => [step, ...] }
#   step        { do => 'send',   conn, line, text, uses => bool }
#               { do => 'expect', conn, line,
#                 kind => 'text' | 'line' | 'lines' | 'eof' | 'silence', ... }
#               { do => 'wait' | 'pass' | 'clock' | 'exits' | 'says' | 'close' | 'deaf', ... }
package Wire::Transcript;

use strict;
use warnings;
use File::Basename qw(dirname);

# Reads a file; dies with "file:line: what" where it is not understood.
sub read_file
{
    my ($class, $file) = @_;
    open my $in, '<:raw', $file or die "$file: $!\n";
    my $self = bless {file => $file, args => [], sections => []}, $class;
    while (my $line = <$in>) {
        $line =~ s/\n\z//;
        eval { $self->read_line($line, $.); 1 } or do {
            chomp(my $why = $@);
            die "$file:$.: $why\n";
        };
    }
    die "$file: no sections\n" unless @{$self->{sections}};
    check_endings($file, $_) for @{$self->{sections}};
    $_->{longest_pass_s} = longest_pass($_) for @{$self->{sections}};
    return $self;
}

# Replaces what is only known when a step is played: {$name}, and {now+N} by the server's clock.
sub resolve
{
    my ($text, $vars, $now) = @_;
    $text =~ s/\{\$(\w+)\}/$vars->{$1} \/\/ die "nothing was captured as '$1'\n"/ge;
    $text =~ s/\{now([+-]\d+)?\}/int($now) + ($1 \/\/ 0)/ge;
    return $text;
}

# Bytes as a reader of a terminal likes them, cut to 'limit'.
sub printable
{
    my ($bytes, $limit) = @_;
    my $cut = length $bytes > $limit;
    my $text = $cut ? substr($bytes, 0, $limit) : $bytes;
    $text =~ s/\\/\\\\/g;
    $text =~ s/\r/\\r/g;
    $text =~ s/\n/\\n/g;
    $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
    return $cut ? "$text... (" . length($bytes) . ' bytes)' : $text;
}

# ---- private ----

sub read_line
{
    my ($self, $line, $number) = @_;
    return if $line eq '' || $line =~ /^#/;
    return push @{$self->{args}}, $self->server_args($1) if $line =~ /^\$ ketchd\b(.*)/;
    return $self->{tcp} = 1 if $line eq '! tcp';
    return $self->{asks} = 1 if $line eq '! asks for a login';
    return $self->open_section($1, $number) if $line =~ /^= (.+)/;
    my $section = $self->{sections}[-1] or die "a step before the first '= title'\n";
    return read_tag($section, $1) if $line =~ /^! (.+)/;
    my ($conn, $mark, $rest) = $line =~ /^(\d*)(>>?|<<|<[+*]?|\*)(?: (.*))?\z/s
        or die "not understood: $line\n";
    my $step = read_step($mark, $rest // '');
    push @{$section->{steps}}, {%$step, conn => $conn || 0, line => $number};
}

sub server_args
{
    my ($self, $words) = @_;
    my $here = dirname($self->{file});
    return map { s/\{here\}/$here/gr } split ' ', $words;
}

sub open_section
{
    my ($self, $title, $number) = @_;
    push @{$self->{sections}}, {title => $title, line => $number, skip_on => {}, steps => []};
}

sub read_tag
{
    my ($section, $tag) = @_;
    if ($tag =~ /^skip on (\w+): (.+)/) {
        $section->{skip_on}{$1} = $2;
    } elsif ($tag eq 'needs a clock') {
        $section->{clock} = 1;
    } elsif ($tag eq 'needs an exact clock') {
        $section->{clock} = $section->{exact_clock} = 1;
    } elsif ($tag =~ /^only (lock-step|whole|bytes|pieces)/) {
        $section->{only} = $1;
    } else {
        die "unknown tag: $tag\n";
    }
}

sub read_step
{
    my ($mark, $rest) = @_;
    return send_step(generate($rest) . "\r\n") if $mark eq '>';
    return send_step(generate(unquote($rest))) if $mark eq '>>';
    return {do => 'expect', kind => 'text', text => generate(unquote($rest))} if $mark eq '<<';
    return read_directive($rest) if $mark eq '*';
    return {do => 'expect', kind => 'eof'} if $rest eq 'EOF';
    return {do => 'expect', kind => 'silence', ms => $1} if $rest =~ /^SILENCE (\d+) ms\z/;
    if ($rest =~ /^~(.*)/s) {
        my $kind = $mark eq '<' ? 'line' : 'lines';
        return {do => 'expect', kind => $kind, regex => $1, least => $mark eq '<*' ? 0 : 1};
    }
    die "$mark needs a regular expression: $mark ~...\n" if $mark ne '<';
    return {do => 'expect', kind => 'text', text => generate($rest) . "\r\n"};
}

sub send_step
{
    my ($text) = @_;
    return {do => 'send', text => $text, uses => $text =~ /\{\$\w+\}/ ? 1 : 0};
}

sub read_directive
{
    my ($words) = @_;
    return {do => 'wait', ms => $1} if $words =~ /^wait (\d+) ms\z/;
    return {do => 'pass', s => $1} if $words =~ /^(\d+) s pass\z/;
    return {do => 'clock', command => 'p'} if $words eq 'the clock stands';
    return {do => 'clock', command => 'r'} if $words eq 'the clock runs';
    return {do => 'exits'} if $words eq 'server exits';
    return {do => 'says', text => $1} if $words =~ /^server says (.+)\z/;
    return {do => 'close'} if $words eq 'close';
    return {do => 'deaf'} if $words eq 'stop reading';
    die "unknown directive: $words\n";
}

# "...\r\n\x00\"..." with the escapes of C.
sub unquote
{
    my ($quoted) = @_;
    my ($text) = $quoted =~ /^"(.*)"\z/s or die "a string in double quotes is needed\n";
    my %short = (r => "\r", n => "\n", t => "\t", 0 => "\0", '\\' => '\\', '"' => '"');
    $text =~ s{\\(?:x([0-9a-fA-F]{2})|(.))}
              {defined $1 ? chr hex $1 : $short{$2} // die "unknown escape \\$2\n"}gse;
    return $text;
}

# {TEXT x COUNT} and {each FROM..TO|TEXT with #}: what would be too long to write down.  A
# repetition may stand in an "each", and its count may be the #.
sub generate
{
    my ($text) = @_;
    $text =~ s/\{([^{}]+?) x (\d+)\}/$1 x $2/gse;
    $text =~ s/\{each (\d+)\.\.(\d+)\|((?:[^{}]++|\{[^{}]*+\})*+)\}/each_number($1, $2, $3)/gse;
    $text =~ s/\{([^{}]+?) x (\d+)\}/$1 x $2/gse;
    return $text;
}

sub each_number
{
    my ($from, $to, $template) = @_;
    my $all = '';
    for my $n ($from .. $to) {
        (my $one = $template) =~ s/#/$n/g;
        $all .= $one;
    }
    return $all;
}

# "Lines like this, as many as come" end with a line that is not like this.  Without one the runner
# could only wait until it gives up.
sub check_endings
{
    my ($file, $section) = @_;
    my @steps = @{$section->{steps}};
    for my $i (0 .. $#steps) {
        next unless ($steps[$i]{kind} // '') eq 'lines';
        my $next = $steps[$i + 1];
        die "$file:$steps[$i]{line}: <+ and <* need another expectation after them\n"
            unless $next && $next->{do} eq 'expect' && $next->{conn} == $steps[$i]{conn};
    }
}

sub longest_pass
{
    my ($section) = @_;
    my $longest = 0;
    for my $step (@{$section->{steps}}) {
        $longest = $step->{s} if $step->{do} eq 'pass' && $step->{s} > $longest;
    }
    return $longest;
}

1;
