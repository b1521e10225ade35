<?php
// What the PHP tests share: checks that say what they saw, and a verdict at the end.

$passed = 0;
$failed = 0;

// Prints whether 'got' is 'want'; a difference fails the test, but does not end it.
function check($what, $got, $want)
{
    global $passed, $failed;
    $good = $got === $want;
    $good ? $passed++ : $failed++;
    echo $good ? 'ok  ' : 'FAIL', "  $what\n";
    if (!$good) {
        printf("      got  %.300s\n", var_export($got, true));
        printf("      want %.300s\n", var_export($want, true));
    }
}

function finish()
{
    global $passed, $failed;
    echo "$passed checks passed, $failed failed\n";
    exit($failed || !$passed ? 1 : 0);
}

function skip($why)
{
    echo "skipped: $why\n";
    exit(77);
}
