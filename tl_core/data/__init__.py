"""From a person's file to a `Dataset`: tables, column guesses, labels, samples, audit and split."""
