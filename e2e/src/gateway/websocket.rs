//! As much of WebSocket (RFC 6455) as an echo takes: one short text each way. Pings, fragments and long messages it does not know.

use std::io;

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use k8s_openapi::ByteString;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const KEY: &str = "sec-websocket-key";
/// Any 16 bytes in base64: they are no secret.
const OUR_KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";
/// Of the RFC, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const FINAL_TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;
/// From here on lengths take more bytes.
const SHORT: u8 = 126;

/// The request that opens one.
pub(super) fn opening(path: &str, host: &str) -> Result<Request<Full<Bytes>>, http::Error> {
    Request::get(path)
        .header(HOST, host)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header(KEY, OUR_KEY)
        .body(Full::default())
}

/// Whether a request opens one.
pub(super) fn is_opening(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The answer that opens it.
pub(super) fn opened(headers: &HeaderMap) -> Result<Response<()>, http::Error> {
    let key = headers.get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let proof = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    let Value::String(proof) = json!(ByteString(proof.as_ref().to_vec())) else { return Ok(Response::default()) };
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-accept", proof)
        .body(())
}

/// Sends a text, masked, as clients must.
pub(super) async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    // A mask of zeros is a mask: it guards old proxies against pages of strangers, and there are none here.
    let frame = [&[FINAL_TEXT, MASKED | length_of(text)?, 0, 0, 0, 0], text.as_bytes()].concat();
    stream.write_all(&frame).await
}

/// Sends a text, unmasked, as servers must.
pub(super) async fn reply(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    let frame = [&[FINAL_TEXT, length_of(text)?], text.as_bytes()].concat();
    stream.write_all(&frame).await
}

/// Receives a text.
pub(super) async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut start = [0; 2];
    stream.read_exact(&mut start).await?;
    let length = start[1] & !MASKED;
    if start[0] != FINAL_TEXT || length >= SHORT {
        return Err(io::Error::other(format!("a frame that begins with {start:?} is no short text")));
    }
    let mut mask = [0; 4];
    if start[1] & MASKED != 0 {
        stream.read_exact(&mut mask).await?;
    }
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).await?;
    text.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    String::from_utf8(text).map_err(io::Error::other)
}

fn length_of(text: &str) -> io::Result<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < SHORT);
    length.ok_or_else(|| io::Error::other("too long for a short text"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{KEY, hear, opened, say};

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, "dGhlIHNhbXBsZSBub25jZQ==".parse().expect("a value"));
        let answer = opened(&headers).expect("an answer");
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn what_is_said_is_heard() {
        let mut wire = Vec::new();
        say(&mut wire, "hello").await.expect("sent");
        assert_eq!(hear(&mut wire.as_slice()).await.expect("received"), "hello");
        // The example of the RFC, section 5.7, with its mask.
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(hear(&mut masked.as_slice()).await.expect("received"), "Hello");
    }
}
