//! What a codec costs by itself: compresses the batches that `benches/c/codec.c` has a producer send, with the
//! compressor that producers use: `compressed ANYTHING ANYTHING COUNT SIZE FILE lz4|zlib|zstd|snappy`. Prints one line
//! of JSON.

#[path = "../../cpu.rs"]
mod cpu;

use std::error::Error;
use std::time::Instant;

use pulsar_rs_wire::batch::{BatchMessage, Prepared};
use pulsar_rs_wire::compression::Compression;
use pulsar_rs_wire::compressor::Compressor;
use pulsar_rs_wire::metadata::SingleMetadata;

use cpu::cpu;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A batch ends with so many messages or bytes, as those of the other programs.
const BATCH: usize = 1000;
const BATCH_BYTES: usize = 128 * 1024;

/// Messages of a batch, as they are compressed.
struct Body {
    bytes: Vec<u8>,
    messages: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
    let (count, size): (u64, usize) = (argument(4).parse()?, argument(5).parse()?);
    let codec = codec_named(&argument(7))?;
    let bodies = bodies(&std::fs::read(argument(6))?, size)?;
    let mut compressor = Compressor::new(codec)?;

    let (start, before) = (Instant::now(), cpu());
    let (mut sent, mut plain, mut small) = (0, 0, 0);
    for body in bodies.iter().cycle() {
        if sent >= count {
            break;
        }
        small += compressor.compress(&body.bytes)?.len();
        plain += body.bytes.len();
        sent += body.messages;
    }
    let (wall, spent) = (start.elapsed(), cpu().saturating_sub(before));
    println!(
        "{{\"cpu_ns\": {}, \"wall_ns\": {}, \"percent\": {}}}",
        spent.as_nanos() / u128::from(sent),
        wall.as_nanos() / u128::from(sent),
        small * 100 / plain.max(1),
    );
    Ok(())
}

fn codec_named(name: &str) -> Result<Compression> {
    match name {
        "lz4" => Ok(Compression::Lz4),
        "zlib" => Ok(Compression::Zlib),
        "zstd" => Ok(Compression::Zstd),
        "snappy" => Ok(Compression::Snappy),
        other => Err(format!("there is no codec {other}").into()),
    }
}

/// The lines of `text`, each of `size` bytes, in batches.
fn bodies(text: &[u8], size: usize) -> Result<Vec<Body>> {
    if size == 0 || text.len() < size {
        return Err("there are no lines".into());
    }
    let mut bodies = Vec::new();
    let mut open = Body { bytes: Vec::new(), messages: 0 };
    for (sequence_id, line) in (0..).zip(text.chunks_exact(size)) {
        let metadata = SingleMetadata { sequence_id: Some(sequence_id), ..SingleMetadata::default() };
        let message = Prepared::new(metadata, line)?;
        let full =
            usize::try_from(open.messages)? == BATCH || open.bytes.len() + message.size() > BATCH_BYTES;
        if full && open.messages > 0 {
            bodies.push(std::mem::replace(&mut open, Body { bytes: Vec::new(), messages: 0 }));
        }
        message.append_to(&mut open.bytes);
        open.messages += 1;
    }
    // The lines go on from the beginning, so a batch that is not full is not one that a producer makes.
    if bodies.is_empty() {
        bodies.push(open);
    }
    Ok(bodies)
}
