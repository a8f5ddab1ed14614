"""What every rehearsal twin is built from: a simulated venue in wire time, sockets and timers, and the loopback server.

Only twins, composition roots and tests import this: it reaches into `markets`, and a client must not.
"""
