"""`python -m troth` is `troth`."""

from troth.wiring import main

if __name__ == "__main__":
    main()
