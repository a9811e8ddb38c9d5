"""A lab chain served as a node like any other: JSON-RPC 2.0 over HTTP and WebSocket, or in process."""
