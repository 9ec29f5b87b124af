"""Rules in plain Python on plain values, with the standard library only. No I/O, no Django."""
