"""A process that waits, whatever its arguments."""

import threading

if __name__ == "__main__":
    threading.Event().wait(60)
