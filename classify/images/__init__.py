"""Pictures of pages as what a classifier takes in: cutting, caching, training sets and the four-class protocol."""
