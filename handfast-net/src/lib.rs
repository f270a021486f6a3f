//! Sockets, files and drivers for handfast: KDC transport, ticket stores, handshake drivers, streams.
