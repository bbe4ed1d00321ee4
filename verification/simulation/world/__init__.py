"""What a scenario runs in: virtual time, disk, bus, OEM and vehicles, and the nodes of the product among them."""
