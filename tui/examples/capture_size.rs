//! Measures what a recording costs: watches this machine for a while (as root), or reads a capture, and
//! prints the bytes of a capture of it by the field numbers of `docs/capture.proto`.
//!
//! `cargo run --release --example capture_size -- SECONDS [FILTER] [FILE]`, or `-- FILE`

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use syscope::capture::{Capture, Decoder, Encoder, Frame, Header, Writer};
use syscope::filter::Filter;
use syscope::kernel::Wanted;
use syscope::source::Batch;
use syscope::source::live::{Options, start};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_else(|| "30".to_owned());
    let (batches, header) = match what.parse() {
        Ok(seconds) => watch(seconds, &args.next().unwrap_or_default())?,
        Err(_) => read(Path::new(&what))?,
    };
    let span_ns: u64 = batches.iter().map(|batch| batch.window_ns).sum();
    let file = encode(&batches, &header)?;
    println!("{} bytes a minute", file.len() as u64 * 60_000_000_000 / span_ns.max(1));
    let began = Instant::now();
    let capture = Capture::from_bytes("memory", file.as_slice().into())?;
    println!("{:?} to open", began.elapsed());
    let mut out = std::io::stdout().lock();
    for (name, raw, compressed) in capture.columns()? {
        writeln!(out, "{name:24} {raw:9} {compressed:9}")?;
    }
    if let Some(path) = args.next() {
        std::fs::write(path, file)?;
    }
    Ok(())
}

type Recorded = (Vec<Batch>, Header);

fn watch(seconds: u64, filter: &str) -> Result<Recorded, Box<dyn Error>> {
    let options = Options {
        budget: None,
        wanted: Wanted::PANES,
        interval: Duration::from_millis(250),
        frequency_hz: 99,
        include_self: false,
        filter: Filter::parse(filter)?,
        debuginfod: None,
    };
    let mut handle = start(options)?;
    let header = Header { watched: handle.watched.clone(), cmdlines: true, ..Header::default() };
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut batches = Vec::new();
    while Instant::now() < until {
        batches.extend(handle.batches.blocking_recv());
    }
    Ok((batches, header))
}

fn read(path: &Path) -> Result<Recorded, Box<dyn Error>> {
    let capture = Capture::open(path)?;
    let (mut decoder, mut batches) = (Decoder::new(), Vec::new());
    let began = Instant::now();
    for frame in 0..capture.frames.len() {
        batches.extend(decoder.decode(&capture.read(frame)?)?.batches);
    }
    println!("{:?} to decode", began.elapsed());
    Ok((batches, capture.header))
}

fn encode(batches: &[Batch], header: &Header) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut encoder = Encoder::new(true);
    let (mut frames, mut slowest): (Vec<Frame>, _) = (Vec::new(), Duration::ZERO);
    let began = Instant::now();
    for batch in batches {
        let began = Instant::now();
        frames.extend(encoder.push(batch));
        slowest = slowest.max(began.elapsed());
    }
    frames.extend(encoder.flush());
    let spent = began.elapsed();
    let mut writer = Writer::new(Vec::new(), header)?;
    for frame in &frames {
        writer.write(frame)?;
    }
    let keys = frames.iter().filter(|frame| frame.key).count();
    println!("{} batches, {} frames, {keys} of them keys", batches.len(), frames.len());
    println!("{:?} a frame to encode, {slowest:?} at most", spent / frames.len().max(1) as u32);
    Ok(writer.finish()?)
}
