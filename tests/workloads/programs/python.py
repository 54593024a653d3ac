"""What Python programs do, for so many seconds, or so many rounds if that is less: text, JSON, sorting,
objects and calls."""

import json
import re
import sys
import time


class Order:
    def __init__(self, number):
        self.number = number
        self.lines = [{"article": f"a{i * number % 97}", "amount": i} for i in range(20)]

    def total(self):
        return sum(line["amount"] for line in self.lines)


def walk(depth):
    return 1 if depth == 0 else walk(depth - 1) + 1


def one_round():
    orders = sorted((Order(i) for i in range(200)), key=lambda order: -order.total())
    text = json.dumps([order.lines for order in orders])
    words = re.findall(r"a\d+", text)
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return walk(50) + len(json.loads(text)) + max(counts.values())


end = time.monotonic() + float(sys.argv[1])
rounds = float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")
while time.monotonic() < end and rounds > 0:
    one_round()
    rounds -= 1
