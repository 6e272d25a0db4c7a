"""Options: which contract, at which volatility, how many, at which price. Pure, like all of the core.

A premium (USD per share of the contract) and a price of the underlying (USD per share of the stock) are two types that
do not add up or compare.
"""
