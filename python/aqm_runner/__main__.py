"""Entry: `python -m aqm_runner`, with the event descriptor's number in AQM_EVENTS_FD."""

from aqm_runner.runner.server import main

if __name__ == "__main__":
    main()
