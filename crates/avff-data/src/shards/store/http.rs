//! Shards on a web server that answers requests for parts of files.

use std::{
    io::{self, Read},
    path::Path,
    thread::sleep,
    time::Duration,
};

use ureq::{Agent, Body, http::Response};

/// How often a request is tried. A server or a line may fail for a moment in days of training.
const TRIES: u32 = 4;
/// Wait before the second try; it doubles with each.
const WAIT: Duration = Duration::from_millis(250);
/// The longest that a request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder of a web server.
#[derive(Debug)]
pub(in crate::shards) struct Server {
    base: String,
    agent: Agent,
}

impl Server {
    pub(super) fn new(base: &Path) -> Self {
        let base = base.to_string_lossy().trim_end_matches('/').to_owned();
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_idle_connections_per_host(64)
            .build();
        Self { base, agent: config.into() }
    }

    pub(super) fn address(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    pub(super) fn size(&self, name: &str) -> io::Result<Option<u64>> {
        let address = self.address(name);
        let response = retried(|| self.agent.head(&address).call())?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 => return Ok(None),
            status => return Err(refused(status)),
        }
        let length = response.headers().get("content-length");
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        length
            .map(Some)
            .ok_or_else(|| io::Error::other("the server does not say how long the file is"))
    }

    pub(super) fn text(&self, name: &str, limit: u64) -> io::Result<String> {
        let address = self.address(name);
        let response = retried(|| self.agent.get(&address).call())?;
        match response.status().as_u16() {
            200 => {}
            status => return Err(refused(status)),
        }
        let mut text = String::new();
        let read = response.into_body().into_reader().take(limit + 1).read_to_string(&mut text)?;
        if read as u64 > limit {
            return Err(io::Error::other(format!("the file is larger than {limit} bytes")));
        }
        Ok(text)
    }

    pub(super) fn read(&self, name: &str, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let (address, last) = (self.address(name), at.saturating_add(bytes).saturating_sub(1));
        let range = format!("bytes={at}-{last}");
        let mut wait = WAIT;
        let mut tries = 1;
        loop {
            let read = self.part(&address, &range, bytes);
            // The line may break in the middle of an answer.
            match read {
                Err(error) if tries < TRIES && error.kind() == io::ErrorKind::UnexpectedEof => {
                    sleep(wait);
                    (wait, tries) = (2 * wait, tries + 1);
                }
                read => return read,
            }
        }
    }

    fn part(&self, address: &str, range: &str, bytes: u64) -> io::Result<Vec<u8>> {
        let response = retried(|| self.agent.get(address).header("range", range).call())?;
        match response.status().as_u16() {
            206 => {}
            200 => return Err(io::Error::other("the server sends whole files, not parts of them")),
            status => return Err(refused(status)),
        }
        let mut part = Vec::new();
        response.into_body().into_reader().take(bytes + 1).read_to_end(&mut part)?;
        match part.len() as u64 {
            length if length == bytes => Ok(part),
            length => {
                let what = format!("the server sent {length} of {bytes} bytes");
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, what))
            }
        }
    }
}

fn refused(status: u16) -> io::Error {
    let kind =
        if matches!(status, 404 | 410) { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
    io::Error::new(kind, format!("the server answers with status {status}"))
}

/// Repeats a request that failed on the line, or that the server could not answer for now.
fn retried(
    mut request: impl FnMut() -> Result<Response<Body>, ureq::Error>,
) -> io::Result<Response<Body>> {
    let mut wait = WAIT;
    for _ in 1..TRIES {
        match request() {
            Ok(response) if !matches!(response.status().as_u16(), 429 | 500..=599) => {
                return Ok(response);
            }
            Err(ureq::Error::BadUri(address)) => {
                return Err(io::Error::other(format!("{address} is no address")));
            }
            Ok(_) | Err(_) => sleep(wait),
        }
        wait *= 2;
    }
    request().map_err(|error| error.into_io())
}
