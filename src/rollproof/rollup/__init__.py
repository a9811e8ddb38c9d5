"""What links L1 and L2: batches, roots, deposits, withdrawals, games."""
