"""The method page: how each figure of these pages is worked out, with the numbers of this workflow put in."""
