"""The commands behind the command line, one file each; none of them holds an algorithm."""
