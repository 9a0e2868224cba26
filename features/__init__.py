"""What a pod's life means, in Gherkin, for every provider."""
