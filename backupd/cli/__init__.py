"""The command line: the only place, beside the portal's factory, that builds objects and wires them."""
