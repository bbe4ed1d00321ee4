"""The product at a million commands, a hundred thousand vehicles and three million sealed entries."""
