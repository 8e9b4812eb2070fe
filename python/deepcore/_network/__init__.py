"""What a network is: its description, its examples, its parameters, and the compiled network."""
