"""Wire protocols that both ends of a connection speak, without any input or output: bytes in, events and bytes out."""
