"""The admin's pages of shadows and their plans."""
