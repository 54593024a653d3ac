"""A shop's running report: makes up orders, sums them in SQLite, and writes a page."""

import json
import random
import sqlite3
import time

CUSTOMERS = [f"customer {number:04}" for number in range(400)]
orders = sqlite3.connect("orders.db", isolation_level=None)
orders.execute("pragma journal_mode = wal")
orders.execute("pragma synchronous = off")
orders.execute("create table if not exists orders (customer text, cents integer)")


def take_orders():
    rows = [(random.choice(CUSTOMERS), random.randrange(100, 9999)) for _ in range(200)]
    orders.execute("begin")
    orders.executemany("insert into orders values (?, ?)", rows)
    orders.execute("commit")


def best_customers():
    totals = {}
    for customer, cents in orders.execute("select customer, cents from orders"):
        totals[customer] = totals.get(customer, 0) + cents
    return sorted(totals.items(), key=lambda item: -item[1])[:10]


def write_page(best):
    with open("report.json", "w") as page:
        json.dump({"at": time.time(), "best": best}, page, indent=1)


while True:
    take_orders()
    write_page(best_customers())
    time.sleep(0.25)
