//! Rust: a generic function, a closure behind a pointer, a method of a trait.
//!
//! chain: @start -> main -> @std -> plain::main -> plain::outer ->
//!     <plain::Circle as plain::Shape>::paint ->
//!     <plain::Circle as plain::Shape>::paint::{{closure}} -> plain::each -> plain::leaf

use std::hint::black_box;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

trait Shape {
    fn paint(&self, width: u64) -> u64;
}

struct Circle;

impl Shape for Circle {
    #[inline(never)]
    fn paint(&self, width: u64) -> u64 {
        let call: Box<dyn Fn(u64) -> u64> = Box::new(|second| each(&[width, second, 3]));
        black_box(call)(2) + 1
    }
}

#[inline(never)]
fn each<T: Copy + Into<u64>>(of: &[T]) -> u64 {
    let room = [0_u64; 40];
    let sum: u64 = of.iter().map(|one| (*one).into()).sum();
    leaf();
    sum + black_box(&room)[3]
}

#[inline(never)]
fn leaf() {
    turn(10_000_000);
}

#[inline(never)]
fn warm_up() {
    turn(5_000_000); // not what leaf() does, or the linker takes the two for one
}

#[inline(always)]
fn turn(turns: u64) {
    for i in 0..turns {
        black_box(i);
    }
}

#[inline(never)]
fn outer() {
    let shape: Box<dyn Shape> = black_box(Box::new(Circle));
    black_box(shape.paint(3));
}

/// Time, not CPU time: that of the standard library. It waits for nothing.
fn for_seconds(seconds: f64, work: fn()) -> Duration {
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        work();
    }
    start.elapsed()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the test reads this");
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|arg| arg.parse().expect("seconds"));
    let (seconds, warm) = (numbers.next().unwrap_or(1.0), numbers.next().unwrap_or(0.0));
    say(&format!("ready {}", std::process::id()));
    let mut line = String::new();
    if std::io::stdin().read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    for_seconds(warm, warm_up);
    let spent = for_seconds(seconds, outer);
    say(&format!("done {{\"elapsed_ns\": {}}}", spent.as_nanos()));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
