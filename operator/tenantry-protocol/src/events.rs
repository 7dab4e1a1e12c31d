//! Server-sent events, as they come in, in pieces of any size. Never keeps more than it was given.

use crate::json;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `message` when the server names none.
    pub name: String,
    /// Its lines of data, joined.
    pub data: Vec<u8>,
}

/// When enough of an answer has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Status and headers say it all.
    Head,
    /// The end; of a stream of events, the first response.
    Response,
    /// The first event of a stream.
    FirstEvent,
}

/// Takes a stream apart.
#[derive(Debug)]
pub struct Reader {
    until: Until,
    line: Vec<u8>,
    is_after_return: bool,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
    events: Vec<Event>,
    is_enough: bool,
}

impl Reader {
    /// For a stream that is read until then.
    pub fn new(until: Until) -> Self {
        Self {
            until,
            line: Vec::new(),
            is_after_return: false,
            name: Vec::new(),
            data: None,
            events: Vec::new(),
            is_enough: false,
        }
    }

    /// Takes the next piece. Returns whether enough has been read.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        for &byte in piece {
            if self.is_enough {
                break;
            }
            // A line ends in \n, \r\n or \r.
            let is_second_half = byte == b'\n' && self.is_after_return;
            self.is_after_return = byte == b'\r';
            match byte {
                b'\n' if is_second_half => {}
                b'\n' | b'\r' => self.end_line(),
                _ => self.line.push(byte),
            }
        }
        self.is_enough
    }

    /// The events so far.
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (field, rest) = line.split_at(colon);
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let name = String::from_utf8_lossy(&std::mem::take(&mut self.name)).into_owned();
        // Empty ones are sent to give a stream its first id: they carry nothing.
        let Some(data) = self.data.take().filter(|data| !data.is_empty()) else { return };
        let name = if name.is_empty() { "message".to_owned() } else { name };
        self.is_enough = match &self.until {
            Until::Head | Until::FirstEvent => true,
            Until::Response => is_response(&data),
        };
        self.events.push(Event { name, data });
    }
}

/// A response, to whatever request: a wrong id is the judge's to find, not a reason to wait for ever. But the server's own
/// requests and notifications go past.
fn is_response(data: &[u8]) -> bool {
    match json::parse(data) {
        Ok(message) => message.get("method").is_none(),
        // What cannot be read is the judge's, too.
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, until: Until, size: usize) -> (Vec<(String, String)>, bool) {
        let mut reader = Reader::new(until);
        let is_enough = text.as_bytes().chunks(size).fold(false, |_, piece| reader.push(piece));
        let events = reader.into_events().into_iter();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (events.map(|event| (event.name, text(event.data))).collect(), is_enough)
    }

    #[test]
    fn pieces_of_any_size_give_the_same_events() {
        let stream = ": hello\r\nid: 1\r\ndata: \r\n\r\nevent: message\rdata: {\"jsonrpc\":\"2.0\",\rdata:\"method\":\"x\"}\r\rdata: {\"id\":7,\"result\":{}}\n\ndata: late\n\n";
        let expected = ["{\"jsonrpc\":\"2.0\",\n\"method\":\"x\"}", "{\"id\":7,\"result\":{}}"];
        for size in 1..stream.len() {
            let (events, is_enough) = read(stream, Until::Response, size);
            assert_eq!(events, expected.map(|data| ("message".to_owned(), data.to_owned())), "{size}");
            assert!(is_enough);
        }
        let endpoint = read("event: endpoint\ndata:/messages?id=1\n\n", Until::FirstEvent, 4);
        assert_eq!(endpoint, (vec![("endpoint".into(), "/messages?id=1".into())], true));
    }

    #[test]
    fn notifications_and_comments_are_never_enough() {
        let stream = ": ping\n\ndata: {\"method\":\"notifications/message\"}\n\n: ping\n\n";
        assert_eq!(
            read(stream, Until::Response, 5),
            (vec![("message".into(), "{\"method\":\"notifications/message\"}".into())], false)
        );
        assert!(read(stream, Until::FirstEvent, 5).1);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fall(pieces: Vec<Vec<u8>>) {
            let mut reader = Reader::new(Until::FirstEvent);
            for piece in pieces {
                reader.push(&piece);
            }
        }
    }
}
