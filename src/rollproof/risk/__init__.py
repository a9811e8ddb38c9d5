"""What an execution failure costs leveraged positions."""
