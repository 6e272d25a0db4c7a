"""kill -9 at every step of the dispatcher's walk, then start again: nothing doubled, nothing lost, nothing made up.

`python -m benchmarks.torture --runs N --seed S`. Each run has an exchange and a database of its own, a few
recommendations, and a dispatcher that is killed where its plan says. There is no hook in the dispatcher: the exchange
tells when an order request is received, applied, answered; a trigger in the test's database holds a statement where it
has done its work and not committed it. What became of the run is counted from the exchange's order list and the
database's rows, never from what the dispatcher says.
"""
