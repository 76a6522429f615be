"""One file per peer: the same work, as somebody who knows that library would write it. Each runs in an environment of its
own with the packages that its first lines name, and talks to the benchmark by `protocol`."""
