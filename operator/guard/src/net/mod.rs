//! Sockets, names and the line protocol: what the subcommands share of the network. Does I/O.
