//! Server-sent events (HTML Living Standard §9.2.6), as far as job events need them.

/// The longest event, in bytes; more is not kept.
const LONGEST_EVENT: usize = 1 << 20;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SseEvent {
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub(crate) struct SseReader {
    /// What came after the last line's end.
    rest: Vec<u8>,
    event: SseEvent,
    has_data: bool,
}

/// The stream has an event that no job makes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl SseReader {
    /// The events that `piece` completes.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, TooLong> {
        let mut events = Vec::new();
        self.rest.extend_from_slice(piece);
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.as_slice();
        // A CR at the very end may be the half of a CRLF.
        while let Some(end) = lines.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (line, after) = lines.split_at(end);
            lines = match after {
                [b'\r', b'\n', next @ ..] | [b'\n', next @ ..] => next,
                [b'\r'] => break,
                [_, next @ ..] => next,
                [] => break,
            };
            events.extend(self.line(&String::from_utf8_lossy(line)));
        }
        self.rest = lines.to_vec();
        match self.rest.len().max(self.event.data.len()) > LONGEST_EVENT {
            true => Err(TooLong),
            false => Ok(events),
        }
    }

    fn line(&mut self, line: &str) -> Option<SseEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.event),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // A comment, `retry`, or news.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(id: Option<&str>, event: &str, data: &str) -> SseEvent {
        SseEvent { id: id.map(str::to_owned), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_end_with_an_empty_line() {
        for (stream, expect) in [
            ("id: 1\nevent: queued\ndata: {}\n\n", vec![event(Some("1"), "queued", "{}")]),
            ("id:1\r\nevent:queued\r\ndata:{}\r\n\r\n", vec![event(Some("1"), "queued", "{}")]),
            ("data: a\rdata: b\r\rx", vec![event(None, "", "a\nb")]),
            (": keep-alive\n\nevent: queued\n\ndata\n\n", vec![event(None, "", "")]),
            ("data: a\n\ndata: b\n\ndata: c\n", vec![event(None, "", "a"), event(None, "", "b")]),
            ("data:  two spaces\nretry: 5\nnews\n\n", vec![event(None, "", " two spaces")]),
        ] {
            assert_eq!(SseReader::default().read(stream.as_bytes()).unwrap(), expect, "{stream:?}");
        }
    }

    #[test]
    fn what_never_ends_is_not_kept() {
        assert_eq!(SseReader::default().read(&vec![b'x'; LONGEST_EVENT + 1]), Err(TooLong));
        let mut reader = SseReader::default();
        let line = format!("data: {}\n", "x".repeat(1000));
        assert!((0..2000).any(|_| reader.read(line.as_bytes()) == Err(TooLong)));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(
            stream in "(id: 1|event: x|data: [a-c]{0,3}|: k|data|\n|\r\n|\r){0,40}\n\n",
            cuts in proptest::collection::vec(1usize..7, 0..60),
        ) {
            let whole = SseReader::default().read(stream.as_bytes()).unwrap();
            let (mut reader, mut events, mut rest) = (SseReader::default(), Vec::new(), stream.as_bytes());
            for cut in cuts.into_iter().chain(std::iter::once(usize::MAX)) {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                events.extend(reader.read(piece).unwrap());
                rest = after;
            }
            prop_assert_eq!(events, whole);
        }
    }
}
