"""Python functions that call each other in known ways. Reads a line when it may begin, says what it did,
and ends with standard input. A line that ends in `# at NAME` is the one that the function NAME runs."""

import json
import os
import select
import sys
import threading
import time

SECONDS = 0.1


def spin():  # begins spin
    end = time.monotonic() + SECONDS
    total = 0
    while time.monotonic() < end:
        for number in range(2_000):
            total += number
    return total  # ends spin


def outer():
    return inner()  # at outer


def inner():
    return spin()  # at inner


def produce():
    while True:
        yield spin()  # at produce


def consume():
    for _ in produce():  # at consume
        break


def key(_number):
    return spin()  # at key


def order():
    return sorted([2, 1], key=key)  # at order


class Thing:
    def __init__(self):
        self.total = spin()  # at Thing.__init__


def construct():
    return Thing()  # at construct


def local():
    def nested():
        return spin()  # at local.<locals>.nested

    return nested()  # at local


def descend(depth):
    if depth:
        return descend(depth - 1)  # at descend
    return spin()  # at descend (last)


def shallow():
    return descend(20)  # at shallow


def deep():
    return descend(400)  # at deep


def worker():
    spin()  # at worker


def main():
    print("ready", os.getpid(), flush=True)
    # It is met before it begins, so that it is known when it does.
    while not select.select([sys.stdin], [], [], 0.02)[0]:  # waits
        pass  # waits
    sys.stdin.readline()
    begun = time.monotonic()
    seconds = float(sys.argv[1])
    while time.monotonic() - begun < seconds:
        outer()  # at main
        consume()  # at main
        order()  # at main
        construct()  # at main
        local()  # at main
        shallow()  # at main
        deep()  # at main
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()
    print("done", json.dumps({"cpu_ns": time.process_time_ns()}), flush=True)
    sys.stdin.read()


main()  # at <module>
