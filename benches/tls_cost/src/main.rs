//! What the cipher of TLS costs by itself: encrypts (`produce`) or decrypts (`consume`) as many bytes as the messages
//! have, in records of 16 KiB, with the one that our side proposes first: AES-256-GCM. Prints one line of JSON.
//!
//! ```text
//! tls_cost produce|consume ANYTHING ANYTHING COUNT SIZE
//! tls_cost certificates FOLDER      writes trust.pem, certificate.pem and key.pem for 127.0.0.1
//! ```

#[path = "../../cpu.rs"]
mod cpu;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use cpu::cpu;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Bytes of a full record.
const RECORD: usize = 16 * 1024;

/// Records in turn, so that they come out of memory as those of a client do: 4 MiB.
const RECORDS: usize = 256;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
    if argument(1) == "certificates" {
        return certificates(Path::new(&argument(2)));
    }
    let (count, size): (u64, u64) = (argument(4).parse()?, argument(5).parse()?);
    let records = usize::try_from((count * size).div_ceil(RECORD as u64))?;
    let decrypts = argument(1) == "consume";
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).map_err(|_| "no key")?);
    let mut sealed = Vec::new();
    for _ in 0..RECORDS {
        let mut record = vec![b'x'; RECORD];
        if decrypts {
            key.seal_in_place_append_tag(nonce(0), Aad::empty(), &mut record)
                .map_err(|_| "cannot encrypt")?;
        }
        sealed.push(record);
    }
    let mut record = Vec::with_capacity(RECORD + 64);

    // What is decrypted has to be there again: copying it is taken off.
    let copying = measure(records, |number| {
        record.clear();
        record.extend_from_slice(&sealed[number % RECORDS]);
        std::hint::black_box(&mut record);
        Ok(())
    })?;
    let both = measure(records, |number| {
        record.clear();
        record.extend_from_slice(&sealed[number % RECORDS]);
        if decrypts {
            key.open_in_place(nonce(0), Aad::empty(), &mut record).map_err(|_| "cannot decrypt")?;
        } else {
            key.seal_in_place_append_tag(nonce(number), Aad::empty(), &mut record)
                .map_err(|_| "cannot encrypt")?;
        }
        std::hint::black_box(&mut record);
        Ok(())
    })?;
    let each = |spent: Duration| spent.as_nanos() / u128::from(count);
    println!(
        "{{\"cpu_ns\": {}, \"wall_ns\": {}}}",
        each(both.0.saturating_sub(copying.0)),
        each(both.1.saturating_sub(copying.1)),
    );
    Ok(())
}

/// CPU and time of so many rounds.
fn measure(rounds: usize, mut round: impl FnMut(usize) -> Result<()>) -> Result<(Duration, Duration)> {
    let (start, before) = (Instant::now(), cpu());
    for number in 0..rounds {
        round(number)?;
    }
    Ok((cpu().saturating_sub(before), start.elapsed()))
}

fn nonce(number: usize) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&(number as u64).to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn certificates(folder: &Path) -> Result<()> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // Not that of the broker's certificate, or OpenSSL takes that for its own issuer.
    params.distinguished_name.push(DnType::CommonName, "the authority of a benchmark");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("trust.pem"), params.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("certificate.pem"), certificate.pem())?;
    std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(())
}
