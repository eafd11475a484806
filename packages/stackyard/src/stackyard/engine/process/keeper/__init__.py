"""The keeper: parent of everything a project runs.

It starts processes, reaps them and writes their output to files, and knows nothing
else: no Compose, no health, no policy. That keeps it small and lets it outlive the
supervisor, which may be killed, restarted and upgraded while the keeper goes on. It is
a subreaper (PR_SET_CHILD_SUBREAPER): what a service leaves behind becomes its child.

Output goes through FIFOs that each service holds open in both directions: were the
keeper to die, nobody gets SIGPIPE and the next keeper reads on where it stopped.
"""
