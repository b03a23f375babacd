"""The PBX over its manager interface: pyst2's Manager, mended, and a connection that comes back."""
