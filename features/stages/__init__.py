"""The stages that come with this project."""
