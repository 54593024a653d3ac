"""A small shop's nightly report: sums orders in a database, writes a page, logs to disk."""

import json
import os
import random
import sqlite3
import time

orders = sqlite3.connect("orders.db")
orders.execute("create table if not exists orders (day text, item text, cents integer)")

while True:
    for path in ("/etc/shop/report.toml", os.path.expanduser("~/.config/shop/report.toml")):
        try:
            open(path).close()
        except FileNotFoundError:
            pass
    rows = [(time.strftime("%F"), random.choice("abcdef"), random.randrange(9999)) for _ in range(300)]
    with orders:
        orders.executemany("insert into orders values (?, ?, ?)", rows)
    sums = orders.execute("select item, count(*), sum(cents) from orders group by item").fetchall()
    with open("report.json", "w") as page:
        json.dump(sums, page)
    time.sleep(0.25)
