"""What all fake clouds share: how slow, how small and how faulty a cloud is. No transport, no cloud's names."""
