use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::token::{blocking, path_of};
use crate::Error;
use crate::blocking::OneAtATime;

/// A secret file that parameters name, or hold: a path, `file:///PATH`, or `data:MEDIA-TYPE;base64,...`.
#[derive(Clone)]
pub(super) enum Document {
    /// Read whenever it is needed, so that a new one is used.
    File(PathBuf, OneAtATime),
    Inline(Zeroizing<Vec<u8>>),
}

impl Document {
    /// `media_type` is what a `data:` URL has to be of.
    pub fn parse(text: &str, media_type: &str) -> Result<Self, Error> {
        let Some(data) = text.strip_prefix("data:") else {
            return Ok(Document::File(path_of(text), OneAtATime::default()));
        };
        let encoded = data.strip_prefix(media_type).and_then(|rest| rest.strip_prefix(";base64,"));
        let encoded = encoded.ok_or_else(|| {
            Error::Authentication(format!("a data URL has to begin with data:{media_type};base64,"))
        })?;
        let decoded = STANDARD.decode(encoded.trim()).map(Zeroizing::new);
        decoded.map(Document::Inline).map_err(|_| Error::Authentication("a data URL is not base64".into()))
    }

    /// Its bytes.
    pub async fn read(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Document::Inline(bytes) => Ok(bytes.clone()),
            Document::File(path, turns) => {
                let path = path.clone();
                blocking(turns, move || {
                    std::fs::read(&path).map(Zeroizing::new).map_err(|error| {
                        Error::Authentication(format!("cannot read {}: {error}", path.display()))
                    })
                })
                .await
            }
        }
    }
}

impl fmt::Debug for Document {
    /// Where it is, without what it holds.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Document::File(path, _) => write!(out, "the file {}", path.display()),
            Document::Inline(_) => out.write_str("a data URL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn data_urls_hold_what_files_would() {
        let document = Document::parse("data:application/json;base64,e30=", "application/json").unwrap();
        assert_eq!(document.read().await.unwrap().as_slice(), b"{}");
        for wrong in
            ["data:text/plain;base64,e30=", "data:application/json,{}", "data:application/json;base64,?"]
        {
            assert!(Document::parse(wrong, "application/json").is_err(), "{wrong}");
        }
        for path in ["/a/b", "file:///a/b", "file:/a/b"] {
            assert_eq!(format!("{:?}", Document::parse(path, "").unwrap()), "the file /a/b");
        }
    }
}
