#!/bin/sh
# Greets, and counts the seconds until it is told to stop, so that logs and statistics have something to show.

count=0

# As the first process of a container it gets no signal that it doesn't ask for.
trap 'echo "Goodbye after ${count} seconds."; exit 0' TERM INT

cat /app/harbour.txt "${GREETING_FILE}"
echo "I am $(id -un) in $(pwd), process $$ of my own little world."

cargo=""
while :; do
    sleep "${PAUSE_SECONDS}" &
    # A signal interrupts this wait at once, where it would have to wait for a plain `sleep`.
    wait $!
    count=$((count + 1))
    # One kibibyte more a second, back to none after a minute: a small saw in the page's memory curve.
    cargo="${cargo}$(printf '%1024s' '')"
    [ $((count % 60)) -ne 0 ] || cargo=""
    echo "${count} s, ${#cargo} bytes of cargo"
done
