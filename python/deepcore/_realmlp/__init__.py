"""RealMLP: strong defaults of networks for tables; needs NumPy only."""
