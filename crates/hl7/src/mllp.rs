//! MLLP: messages in a stream of bytes, `0x0B … 0x1C 0x0D`. A state machine over bytes; it reads from nothing itself.
//!
//! ```
//! let mut reader = hl7::mllp::FrameReader::new(hl7::MAX_BYTES);
//! let mut bytes: &[u8] = b"junk\x0BMSH|one\r\x1C\r\x0BMSH|tw";
//! assert_eq!(reader.read(&mut bytes)?.as_deref(), Some(b"MSH|one\r".as_slice()));
//! assert_eq!(reader.read(&mut bytes)?, None); // the second is not whole yet
//! bytes = b"o\r\x1C\r";
//! assert_eq!(reader.read(&mut bytes)?.as_deref(), Some(b"MSH|two\r".as_slice()));
//! # Ok::<(), hl7::mllp::FrameFault>(())
//! ```

/// Before a message.
const START: u8 = 0x0B;
/// After a message; a CR follows.
const END: u8 = 0x1C;
/// How much is kept of a frame that was given up, so that its refusal can be addressed.
const HEAD_BYTES: usize = 4 * 1024;

/// Why a frame was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// It is larger than is read here. What follows of it is passed over, up to its end.
    #[error("the frame is larger than is read here")]
    TooLarge,
    /// Another frame began before it ended. The new one is being read.
    #[error("a frame began before the one before it had ended")]
    Unfinished,
}

/// Finds frames in bytes as they arrive. Holds one frame at most, and never more than its limit.
#[derive(Debug)]
pub struct FrameReader {
    state: State,
    frame: Vec<u8>,
    head: Vec<u8>,
    max_bytes: usize,
    skipped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between frames.
    Outside,
    /// In a frame.
    Inside,
    /// In a frame that was too large.
    PassingOver,
}

impl FrameReader {
    /// A reader of frames of at most so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { state: State::Outside, frame: Vec::new(), head: Vec::new(), max_bytes, skipped: 0 }
    }

    /// Takes bytes from the front of `bytes` until a frame is whole, and gives its content. Nothing means that all bytes
    /// were taken and more are needed. Call it again while it gives a frame.
    ///
    /// A frame ends with its end mark, whether or not the CR has come yet.
    ///
    /// # Errors
    ///
    /// Where a frame had to be given up; reading may go on after it, with the bytes that are left.
    pub fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameFault> {
        while !bytes.is_empty() {
            match self.state {
                State::Outside => self.skip(bytes),
                State::Inside => {
                    if let Some(frame) = self.collect(bytes)? {
                        return Ok(Some(frame));
                    }
                }
                State::PassingOver => self.pass_over(bytes),
            }
        }
        Ok(None)
    }

    /// Whether a frame has begun and not ended: a connection that is silent now is broken, and one that closes now lost a
    /// message.
    pub fn is_inside(&self) -> bool {
        self.state != State::Outside
    }

    /// The first 4 KiB of the frame that was given up last: enough to find the header in and say to whom the refusal goes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// How many bytes stood outside all frames, line ends aside.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn skip(&mut self, bytes: &mut &[u8]) {
        let start = bytes.iter().position(|byte| *byte == START);
        let (junk, rest) = bytes.split_at_checked(start.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
        let counted = junk.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).count();
        self.skipped = self.skipped.saturating_add(u64::try_from(counted).unwrap_or(u64::MAX));
        *bytes = rest.strip_prefix(&[START]).unwrap_or(rest);
        if start.is_some() {
            self.state = State::Inside;
        }
    }

    fn collect(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameFault> {
        let mark = bytes.iter().position(|byte| matches!(*byte, START | END));
        let (content, rest) = bytes.split_at_checked(mark.unwrap_or(bytes.len())).unwrap_or((bytes, &[]));
        if self.frame.len().saturating_add(content.len()) > self.max_bytes {
            self.keep_head(content);
            self.state = State::PassingOver;
            // The mark stays: it ends what is passed over.
            *bytes = rest;
            return Err(FrameFault::TooLarge);
        }
        self.frame.extend_from_slice(content);
        let Some((mark, rest)) = rest.split_first() else {
            *bytes = &[];
            return Ok(None);
        };
        *bytes = rest;
        if *mark == START {
            self.keep_head(&[]);
            return Err(FrameFault::Unfinished);
        }
        let frame = std::mem::take(&mut self.frame);
        self.state = State::Outside;
        Ok(Some(frame))
    }

    /// Gives the frame up, all but its beginning.
    fn keep_head(&mut self, more: &[u8]) {
        let frame = std::mem::take(&mut self.frame);
        self.head = frame.iter().chain(more).take(HEAD_BYTES).copied().collect();
    }

    fn pass_over(&mut self, bytes: &mut &[u8]) {
        let mark = bytes.iter().position(|byte| matches!(*byte, START | END));
        let Some((_, rest)) = mark.and_then(|at| bytes.split_at_checked(at)) else {
            *bytes = &[];
            return;
        };
        self.state = if rest.starts_with(&[START]) { State::Inside } else { State::Outside };
        *bytes = rest.get(1..).unwrap_or_default();
    }
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    [&[START], message, &[END, b'\r']].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Step = Result<Vec<u8>, FrameFault>;

    /// All that comes of bytes that arrive in pieces.
    fn read(reader: &mut FrameReader, pieces: &[&[u8]]) -> Vec<Step> {
        let mut found = Vec::new();
        for piece in pieces {
            let mut bytes = *piece;
            loop {
                match reader.read(&mut bytes) {
                    Ok(Some(frame)) => found.push(Ok(frame)),
                    Ok(None) => break,
                    Err(fault) => found.push(Err(fault)),
                }
            }
            assert!(bytes.is_empty());
        }
        found
    }

    fn all(pieces: &[&[u8]]) -> Vec<Step> {
        read(&mut FrameReader::new(10), pieces)
    }

    #[test]
    fn frames_come_whole_and_in_pieces() {
        assert_eq!(all(&[b"\x0Bone\x1C\r\x0Btwo\x1C\r"]), [Ok(b"one".to_vec()), Ok(b"two".to_vec())]);
        assert_eq!(
            all(&[b"\x0Bo", b"n", b"", b"e\x1C", b"\r\x0B", b"two\x1C"]),
            [Ok(b"one".to_vec()), Ok(b"two".to_vec())]
        );
        assert_eq!(all(&[b"\x0B\x1C\r"]), [Ok(Vec::new())]);
        assert_eq!(all(&[b"\x0Bon"]), []);
    }

    #[test]
    fn junk_is_passed_over_and_counted() {
        let mut reader = FrameReader::new(10);
        assert_eq!(read(&mut reader, &[b"GET / HTTP\r\n\r\n\x0Bone\x1C\r\nxx"]), [Ok(b"one".to_vec())]);
        assert_eq!(reader.skipped(), 12);
        assert!(!reader.is_inside());
    }

    #[test]
    fn a_frame_that_is_too_large_is_refused_before_it_is_held() {
        let mut reader = FrameReader::new(10);
        let found = read(&mut reader, &[b"\x0B12345678901", b"2345", b"\x1C\r\x0Bone\x1C\r"]);
        assert_eq!(found, [Err(FrameFault::TooLarge), Ok(b"one".to_vec())]);
        assert_eq!(reader.head(), b"12345678901");
        assert_eq!(all(&[b"\x0B1234567890\x1C\r"]), [Ok(b"1234567890".to_vec())]);
    }

    #[test]
    fn a_frame_that_begins_anew_gives_the_old_one_up() {
        assert_eq!(all(&[b"\x0Bon\x0Bone\x1C\r"]), [Err(FrameFault::Unfinished), Ok(b"one".to_vec())]);
        assert_eq!(all(&[b"\x0B12345678901\x0Bone\x1C\r"]), [Err(FrameFault::TooLarge), Ok(b"one".to_vec())]);
    }

    #[test]
    fn a_frame_that_never_ends_is_refused_early_and_not_held() {
        let mut reader = FrameReader::new(1024 * 1024);
        let chunk = vec![b'A'; 64 * 1024];
        assert_eq!(reader.read(&mut b"\x0B".as_slice()), Ok(None));
        let faults: Vec<usize> = (1..=1024)
            .filter(|_| {
                let mut bytes = chunk.as_slice();
                let refused = reader.read(&mut bytes).is_err();
                assert_eq!(reader.read(&mut bytes), Ok(None));
                assert!(reader.frame.capacity() <= 2 * 1024 * 1024);
                refused
            })
            .collect();
        assert_eq!(faults, [17], "with the first byte past the limit, and once");
        assert_eq!((reader.is_inside(), reader.frame.capacity(), reader.head().len()), (true, 0, HEAD_BYTES));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bytes in prop::collection::vec(prop_oneof![Just(START), Just(END), Just(b'\r'), any::<u8>()], 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            ends.extend([0, bytes.len()]);
            ends.sort_unstable();
            let pieces: Vec<&[u8]> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            // A fault comes with the byte that is one too many: only frames can be compared.
            let frames = |steps: Vec<Step>| steps.into_iter().flatten().collect::<Vec<_>>();
            prop_assert_eq!(frames(all(&pieces)), frames(all(&[&bytes])));
        }

        #[test]
        fn what_is_framed_comes_out(messages in prop::collection::vec("[ -~\r]{0,10}", 0..5)) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message.as_bytes())).collect();
            let expected: Vec<Step> = messages.iter().map(|message| Ok(message.clone().into_bytes())).collect();
            prop_assert_eq!(all(&[&stream]), expected);
        }
    }
}
