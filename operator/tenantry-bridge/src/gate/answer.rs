//! Answers that tell what a server has: what is not granted is left out, and all else stays as it is, the mark of the next page included.

use std::collections::BTreeSet;

use serde_json::Value;

/// What of a server's capabilities is left: what a client is let through to.
const CAPABILITIES: [&str; 2] = ["tools", "logging"];

/// Leaves out what is not granted, of one message or of several: tools, and capabilities to do other things. Whether there was any.
pub(super) fn leave_out(tools: &BTreeSet<String>, message: &mut Value) -> bool {
    if let Value::Array(all) = message {
        return all.iter_mut().fold(false, |changed, one| leave_out(tools, one) | changed);
    }
    let Some(result) = message.get_mut("result") else { return false };
    let mut changed = false;
    if let Some(listed) = result.get_mut("tools").and_then(Value::as_array_mut) {
        let before = listed.len();
        listed.retain(|tool| tool["name"].as_str().is_some_and(|name| tools.contains(name)));
        changed |= listed.len() < before;
    }
    if let Some(offered) = result.get_mut("capabilities").and_then(Value::as_object_mut) {
        let before = offered.len();
        offered.retain(|name, _| CAPABILITIES.contains(&name.as_str()));
        changed |= offered.len() < before;
    }
    changed
}

/// An event was larger than may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A stream of server-sent events on its way: each event is held until it is whole.
#[derive(Debug)]
pub(super) struct Events {
    tools: BTreeSet<String>,
    most: usize,
    /// The event so far.
    event: Vec<u8>,
    /// Where its last line begins.
    line: usize,
    has_begun: bool,
}

impl Events {
    pub(super) fn new(tools: BTreeSet<String>, most: usize) -> Self {
        Self { tools, most, event: Vec::new(), line: 0, has_begun: false }
    }

    /// Takes what has come, and gives what may go on.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, TooLarge> {
        let mut out = Vec::new();
        for byte in bytes {
            // A line ends with LF, CR, or both; what comes after a CR tells which.
            let ended_by_return = self.event.last() == Some(&b'\r');
            if ended_by_return && *byte != b'\n' {
                self.end_line(&mut out);
            }
            self.event.push(*byte);
            if *byte == b'\n' {
                self.end_line(&mut out);
            }
            if self.event.len() > self.most {
                return Err(TooLarge);
            }
        }
        Ok(out)
    }

    /// What is left when the stream has ended. An event that is not whole does not count.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.event.last() == Some(&b'\r') {
            self.end_line(&mut out);
        }
        out
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let line = &self.event[self.line..];
        let is_empty = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        self.line = self.event.len();
        if is_empty {
            let event = std::mem::take(&mut self.event);
            self.line = 0;
            let mark: &[u8] = "\u{feff}".as_bytes();
            let event = if self.has_begun { &event[..] } else { event.strip_prefix(mark).unwrap_or(&event) };
            self.has_begun = true;
            out.extend(self.judged(event));
        }
    }

    fn judged(&self, event: &[u8]) -> Vec<u8> {
        let lines = || event.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
        let data: Vec<&[u8]> = lines().filter_map(data).collect();
        let Ok(mut message) = serde_json::from_slice::<Value>(&data.join(&b'\n')) else { return event.to_vec() };
        if !leave_out(&self.tools, &mut message) {
            return event.to_vec();
        }
        let mut out = Vec::new();
        for line in lines().filter(|line| data_field(line).is_none()) {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        out.extend(format!("data: {message}\n\n").into_bytes());
        out
    }
}

fn data_field(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b":") }
}

fn data(line: &[u8]) -> Option<&[u8]> {
    data_field(line).map(|rest| rest.strip_prefix(b" ").unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn granted() -> BTreeSet<String> {
        ["search".to_owned()].into()
    }

    fn list() -> Value {
        let tools = json!([{ "name": "search" }, { "name": "delete" }, { "name": 7 }, null]);
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools, "nextCursor": "more", "ttlMs": 5 } })
    }

    fn short() -> Value {
        json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [{ "name": "search" }], "nextCursor": "more", "ttlMs": 5 } })
    }

    #[test]
    fn only_granted_tools_are_listed_and_pages_stay() {
        let (mut one, mut several) = (list(), json!([{ "id": 2, "result": {} }, list()]));
        assert!(leave_out(&granted(), &mut one) && leave_out(&granted(), &mut several));
        assert_eq!((one, &several[1]), (short(), &short()));
        for mut other in [json!({ "result": { "tools": 5 } }), json!({ "error": {} }), json!(1), short()] {
            let before = other.clone();
            assert!(!leave_out(&granted(), &mut other));
            assert_eq!(other, before);
        }
    }

    #[test]
    fn nothing_is_offered_that_would_be_refused() {
        let mut hello = json!({ "result": { "capabilities": { "tools": { "listChanged": true }, "resources": {}, "tasks": {} }, "serverInfo": {} } });
        assert!(leave_out(&granted(), &mut hello));
        assert_eq!(hello["result"], json!({ "capabilities": { "tools": { "listChanged": true } }, "serverInfo": {} }));
    }

    #[test]
    fn an_event_that_is_too_large_ends_the_stream() {
        assert_eq!(Events::new(granted(), 64).push(&[b'x'; 65]), Err(TooLarge));
    }

    #[test]
    fn other_events_stay_as_they_are() {
        let text =
            ": hello\n\nid: 5\nevent: message\ndata: {\"method\": \"x\",  \"n\": 1e2}\n\nretry: 5\n\ndata: no json\n\n";
        assert_eq!(Events::new(granted(), 1024).push(text.as_bytes()).expect("fits"), text.as_bytes());
    }

    proptest! {
        /// However lines end, however the list is spread over lines, and wherever the stream is cut into pieces.
        #[test]
        fn no_stream_tells_of_other_tools(
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            mark in any::<bool>(),
            space in any::<bool>(),
            spread in any::<bool>(),
            cuts in prop::collection::vec(1_usize..40, 1..60),
        ) {
            let field = if space { "data: " } else { "data:" };
            let text = if spread { format!("{:#}", list()) } else { list().to_string() };
            let lines: Vec<String> = text.lines().map(|line| format!("{field}{line}{end}")).collect();
            let stream = format!("{}id: 1{end}{}{end}: bye{end}{end}", if mark { "\u{feff}" } else { "" }, lines.concat());
            let mut events = Events::new(granted(), 4096);
            let (mut rest, mut out, mut cuts) = (stream.as_bytes(), Vec::new(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
                out.extend(events.push(piece).expect("fits"));
                rest = after;
            }
            out.extend(events.finish());
            let out = String::from_utf8(out).expect("text");
            prop_assert!(!out.contains("delete"), "{out}");
            let data = out.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
            prop_assert_eq!(serde_json::from_str::<Value>(data).expect("JSON"), short());
            prop_assert!(out.contains("id: 1") && out.contains(": bye"), "{}", out);
        }
    }
}
