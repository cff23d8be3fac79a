"""The people of a hub: who they are, and what a coordinator can do for one of them."""
