// What programs for Node do, for so many seconds, or so many rounds if that is less: text, JSON, sorting,
// objects, calls and garbage.
'use strict';

class Order {
  constructor(number) {
    this.number = number;
    this.lines = Array.from({ length: 20 }, (_, i) => ({ article: `a${(i * number) % 97}`, amount: i }));
  }

  total() {
    return this.lines.reduce((sum, line) => sum + line.amount, 0);
  }
}

function walk(depth) {
  return depth === 0 ? 1 : walk(depth - 1) + 1;
}

function oneRound() {
  const orders = Array.from({ length: 200 }, (_, i) => new Order(i));
  orders.sort((a, b) => b.total() - a.total() || a.number - b.number);
  const text = JSON.stringify(orders.map((order) => order.lines));
  const counts = new Map();
  for (const [word] of text.matchAll(/a\d+/g)) counts.set(word, (counts.get(word) || 0) + 1);
  return walk(50) + JSON.parse(text).length + counts.size;
}

const end = Date.now() + 1000 * Number(process.argv[2]);
const rounds = Number(process.argv[3] || Infinity);
for (let round = 0; round < rounds && Date.now() < end; round++) oneRound();
