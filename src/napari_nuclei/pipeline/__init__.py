"""What a person asks for, without a screen: segment, train, evaluate."""
