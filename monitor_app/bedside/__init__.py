"""The device's side of the wire: what stands at the bed and streams into a server, real or simulated."""
