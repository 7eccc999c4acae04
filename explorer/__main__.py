"""`python -m explorer …` and `explorer …` are the same."""

from explorer.commands import main

if __name__ == "__main__":
    main()
