#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nECG\r\n\
    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\\\"b.pdf\"\r\nContent-Type: Application/PDF; v=1\r\n\r\n\
    %PDF\r\n--\r\n--b--\r\nignored";

/// Name, whether a file, type, content.
type Part = (String, bool, Option<String>, Vec<u8>);

/// Every part; read in pieces of a size.
fn read(form: &str, size: usize) -> Result<Vec<Part>, Malformed> {
    let (mut parser, mut parts) = (Parser::new("b"), Vec::new());
    for piece in form.as_bytes().chunks(size) {
        parser.feed(piece);
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(Headers { name, is_file, content_type }) => {
                    parts.push((name, is_file, content_type, Vec::new()));
                }
                Event::Content(bytes) => parts.last_mut().unwrap().3.extend_from_slice(&bytes),
                Event::PartEnds | Event::Done => {}
            }
        }
        assert!(parser.held() <= MOST_HEADERS + size, "{}", parser.held());
    }
    parser.end().map(|()| parts)
}

#[test]
fn a_form_is_read_however_it_is_cut() {
    for size in 1..FORM.len() {
        let parts = read(FORM, size).unwrap();
        assert_eq!(parts[0], ("title".to_owned(), false, None, b"ECG".to_vec()), "{size}");
        let file = ("file".to_owned(), true, Some("application/pdf".to_owned()), b"%PDF\r\n--".to_vec());
        assert_eq!(parts[1..], [file], "{size}");
    }
}

#[test]
fn content_holds_what_only_looks_like_a_delimiter() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=x\r\n\r\n\r\n--\r\n-b\r\n--c\r\n--b--";
    for size in 1..form.len() {
        assert_eq!(read(form, size).unwrap()[0].3, b"\r\n--\r\n-b\r\n--c", "{size}");
    }
}

#[test]
fn empty_parts_and_a_preamble() {
    let form = "hello\r\n--b \t\r\ncontent-disposition:form-data;name=title\r\n\r\n\r\n--b--";
    for size in 1..form.len() {
        assert_eq!(read(form, size).unwrap(), [("title".to_owned(), false, None, Vec::new())], "{size}");
    }
    assert_eq!(read("--b--", 1).unwrap(), []);
}

#[test]
fn what_is_no_form() {
    let disposition = "Content-Disposition: form-data; name=a";
    for (form, fault) in [
        (String::new(), Malformed::Unfinished),
        ("--b".to_owned(), Malformed::Unfinished),
        (format!("--b\r\n{disposition}\r\n\r\nECG\r\n--b\r"), Malformed::Unfinished),
        (format!("--bb\r\n{disposition}\r\n\r\n"), Malformed::Delimiter),
        (format!("--b{}\r\n", " ".repeat(500)), Malformed::Delimiter),
        ("--b\r\n\r\n\r\n--b--".to_owned(), Malformed::Headers),
        ("--b\r\nContent-Type: text/plain\r\n\r\n--b--".to_owned(), Malformed::Headers),
        ("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n".to_owned(), Malformed::Headers),
        ("--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n".to_owned(), Malformed::Headers),
        (format!("--b\r\n{disposition}\r\n{disposition}\r\n\r\n"), Malformed::Headers),
        (format!("--b\r\n{disposition}\r\nno colon\r\n\r\n"), Malformed::Headers),
        (format!("--b\r\nX: {}", "x".repeat(MOST_HEADERS)), Malformed::HeadersTooLarge),
        (format!("--b\r\n{disposition}\r\n\r\n\r\n").repeat(MOST_PARTS + 1), Malformed::TooManyParts),
    ] {
        for size in [1, 7, 100_000] {
            assert_eq!(read(&form, size).unwrap_err(), fault, "{size}: {form:.60}");
        }
    }
}

#[test]
fn boundaries() {
    assert_eq!(boundary("multipart/form-data; boundary=abc"), Ok(Some("abc".to_owned())));
    assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"a b'c\""), Ok(Some("a b'c".to_owned())));
    assert_eq!(boundary("application/json"), Ok(None));
    for text in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a \""] {
        assert_eq!(boundary(text), Err(Malformed::Boundary), "{text}");
    }
    assert!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))).is_err());
    assert!(boundary("multipart/form-data; boundary=\"a\r\nb\"").is_err());
}
