"""What puts Guanhu on a cluster, and the checks of it."""
