//! Any bytes as an MLLP stream, in pieces as the first bytes say: the same frames as in one piece, and none too large.
#![no_main]

use hl7::mllp::FrameReader;
use libfuzzer_sys::fuzz_target;

const MOST: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let (size, stream) = bytes.split_first().map_or((1, bytes), |(size, rest)| (usize::from(*size).max(1), rest));
    let whole = frames([stream].into_iter());
    let pieces = frames(stream.chunks(size));
    assert_eq!(whole, pieces);
    assert!(whole.iter().all(|frame| frame.len() <= MOST));
});

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut reader = FrameReader::new(MOST);
    let mut frames = Vec::new();
    for mut bytes in pieces {
        loop {
            match reader.read(&mut bytes) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        assert!(bytes.is_empty());
    }
    frames
}
