"""``python -m rollproof``: the command line."""

from rollproof.cli import main

if __name__ == "__main__":
    main()
