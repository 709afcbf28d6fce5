"""What is in the example company's databases, made up from a seed."""
