//! Any bytes as a form, in pieces as the first byte says: the same parts as in one piece, and never much held.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../src/documents/multipart.rs"]
mod multipart;

use multipart::{Event, Headers, MOST_HEADERS, Malformed, Parser, boundary};

/// A part's headers, its content, and whether it ended.
type Part = (Headers, Vec<u8>, bool);

fuzz_target!(|bytes: &[u8]| {
    let _ = boundary(&String::from_utf8_lossy(bytes));
    let (size, form) = bytes.split_first().map_or((1, bytes), |(size, rest)| (usize::from(*size).max(1), rest));
    let whole = parts(form, form.len().max(1));
    let pieces = parts(form, size);
    // in pieces, a fault may be seen before what follows it has come
    assert_eq!(whole.1, pieces.1);
    assert_eq!(whole.0, pieces.0);
    let content: usize = whole.0.iter().map(|(_, content, _)| content.len()).sum();
    assert!(content <= form.len());
});

fn parts(form: &[u8], size: usize) -> (Vec<Part>, Result<(), Malformed>) {
    let (mut parser, mut parts) = (Parser::new("b"), Vec::<Part>::new());
    for piece in form.chunks(size) {
        parser.feed(piece);
        loop {
            match parser.next_event() {
                Ok(None) => break,
                Ok(Some(Event::Part(headers))) => parts.push((headers, Vec::new(), false)),
                Ok(Some(Event::Content(bytes))) => parts.last_mut().unwrap().1.extend_from_slice(&bytes),
                Ok(Some(Event::PartEnds)) => parts.last_mut().unwrap().2 = true,
                Ok(Some(Event::Done)) => return (parts, Ok(())),
                Err(fault) => return (parts, Err(fault)),
            }
        }
        assert!(parser.held() <= MOST_HEADERS + size);
    }
    // what is held back may yet be a delimiter: nothing is said of an unfinished part's content
    for (_, content, ended) in &mut parts {
        if !*ended {
            content.clear();
        }
    }
    (parts, parser.end())
}
