"""What acts on the product from outside: customers, operators and their policies, and what they were answered."""
