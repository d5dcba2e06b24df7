"""The live monitor: devices in, a ward of rooms, every open browser out."""
