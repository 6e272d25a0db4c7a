"""What the rooms must agree on: names, events, environment, inventory, verification rules."""
