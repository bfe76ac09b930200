#!/bin/sh
# Keeps the node rule in place: node-prep.sh keep | ready.
# BRIDGE: the pod bridge. INTERVAL: seconds between two looks. RULES: the rules. SWITCH: the file of net.bridge.bridge-nf-call-ip6tables.
# KEEP: true leaves the rule on the node at the end, false takes it back.
set -eu

say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1"; }
# What the kernel has now, without handles and counters, so that two looks can be compared.
present() { nft --stateless list table ip6 assistant_node 2>/dev/null && nft --stateless list table ip assistant_node 2>/dev/null; }
# In quotes, so that a bridge may be called what nft calls something else.
apply() { nft -D "pod_bridge=\"$BRIDGE\"" -f "$RULES"; }
# Not in a preStop hook: the loop below would put the rule back between the hook and TERM.
finish() {
    if [ "$KEEP" = true ]; then
        say "ending; the node rule stays"
    else
        # The switch stays on: without rules it does nothing, and somebody else may need it.
        for family in ip6 ip; do nft delete table "$family" assistant_node 2>/dev/null || :; done
        say "ending; the node rule is removed"
    fi
    exit 0
}

case ${1:-} in
keep)
    # As pid 1 a shell ignores TERM unless it is told what to do.
    trap finish TERM INT
    if [ ! -w "$SWITCH" ]; then
        say "cannot write $SWITCH: the module br_netfilter is not loaded on this node, or the file is read-only" >&2
        exit 1
    fi
    printf 1 >"$SWITCH"
    apply
    wanted=$(present)
    say "the node rule is in place for the bridge $BRIDGE"
    while :; do
        sleep "$INTERVAL" &
        wait $!
        if [ "$(cat "$SWITCH")" != 1 ]; then
            printf 1 >"$SWITCH"
            say "net.bridge.bridge-nf-call-ip6tables had been switched off; switched it on again"
        fi
        if [ "$(present)" != "$wanted" ]; then
            apply
            say "the node rule had been changed or removed; put it back"
        fi
    done
    ;;
ready)
    [ "$(cat "$SWITCH")" = 1 ] && present >/dev/null
    ;;
*)
    echo "node-prep.sh: expected keep or ready, found '${1:-}'" >&2
    exit 64
    ;;
esac
