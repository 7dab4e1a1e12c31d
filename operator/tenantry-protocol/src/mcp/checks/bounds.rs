//! The bounds that every answer is held to. Other answers show whether they are kept.

use super::{Check, OURS, seen};
use crate::check::Level;

pub(in crate::mcp) static SIZE: Check = seen("T1", Level::Error, OURS, "an answer has at most 1 MiB");
pub(in crate::mcp) static ENDS: Check = seen(
    "T2",
    Level::Error,
    OURS,
    "an answer that has begun ends, and a stream brings its response, within the time of the probe (10 s)",
);
pub(in crate::mcp) static HTTP: Check = seen("T3", Level::Error, OURS, "the answer is HTTP/1.1");
pub(in crate::mcp) static REDIRECT: Check =
    seen("T4", Level::Error, OURS, "the URL is the server's own: redirects are not followed, wherever they lead");
