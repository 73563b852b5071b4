//! Which types of content are kept, and which one a content is of. Pure.

use std::str::FromStr;

/// As much of a content's beginning as tells its type.
pub const HEAD: usize = 8 * 1024;

/// Every type that can be kept: its name, how it ends a file's name, and what a small picture of it is made by.
const KNOWN: [(&str, &str, Option<Portion>); 6] = [
    ("application/pdf", "pdf", Some(Portion::Page)),
    ("image/jpeg", "jpg", Some(Portion::Picture)),
    ("image/png", "png", Some(Portion::Picture)),
    ("image/tiff", "tif", Some(Portion::Picture)),
    ("image/webp", "webp", Some(Portion::Picture)),
    ("application/dicom", "dcm", None),
];

/// What a client says that does not know.
const ANYTHING: &str = "application/octet-stream";

/// What is drawn out of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Portion {
    /// The text of a PDF.
    Text,
    /// A small picture of a picture.
    Picture,
    /// A small picture of the first page of a PDF.
    Page,
}

/// The types that a hospital keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Types(Vec<&'static str>);

impl Default for Types {
    fn default() -> Self {
        Self(KNOWN.map(|(name, ..)| name).to_vec())
    }
}

impl FromStr for Types {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = |name: &str| {
            let name = name.trim();
            KNOWN.iter().map(|(known, ..)| *known).find(|known| *known == name).ok_or_else(|| {
                let known: Vec<&str> = KNOWN.iter().map(|(known, ..)| *known).collect();
                format!("it lists some of {}", known.join(", "))
            })
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl Types {
    /// What a document is taken for until it was inspected; `None` where that is not kept here.
    pub fn said(&self, content_type: Option<&str>) -> Option<&'static str> {
        match content_type.unwrap_or(ANYTHING) {
            ANYTHING => Some(ANYTHING),
            "image/jpg" | "image/pjpeg" => self.kept("image/jpeg"),
            said => self.kept(said),
        }
    }

    /// What a content is by its beginning, whatever it was called; `None` where that is not kept here.
    pub fn found(&self, head: &[u8]) -> Option<&'static str> {
        self.kept(infer::get(head)?.mime_type())
    }

    /// All of them, for people.
    pub fn list(&self) -> String {
        self.0.join(", ")
    }

    fn kept(&self, name: &str) -> Option<&'static str> {
        self.0.iter().copied().find(|kept| *kept == name)
    }
}

/// How a file of this type ends its name.
pub fn extension(content_type: &str) -> &'static str {
    KNOWN.iter().find(|(name, ..)| *name == content_type).map_or("bin", |(_, extension, _)| extension)
}

/// What makes a small picture of this type.
pub fn picture_of(content_type: &str) -> Option<Portion> {
    KNOWN.iter().find(|(name, ..)| *name == content_type).and_then(|(.., portion)| *portion)
}

/// Whether it has text that can be drawn out.
pub fn has_text(content_type: &str) -> bool {
    content_type == "application/pdf"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_in_the_content() {
        let types = Types::default();
        let mut dicom = vec![0; 132];
        dicom.splice(128..132, *b"DICM");
        for (head, found) in [
            (&b"%PDF-1.7\n"[..], Some("application/pdf")),
            (b"\x89PNG\r\n\x1a\n", Some("image/png")),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", Some("image/jpeg")),
            (b"II*\0\x08\0\0\0\x09\0", Some("image/tiff")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (&dicom, Some("application/dicom")),
            (b"<!DOCTYPE html><script>alert(1)</script>", None),
            (b"MZ\x90\0\x03\0\0\0", None),
            (b"PK\x03\x04", None),
            (b"plain words", None),
            (b"", None),
        ] {
            assert_eq!(types.found(head), found, "{head:?}");
        }
    }

    #[test]
    fn a_hospital_may_keep_fewer() {
        let types: Types = "application/pdf, image/jpeg".parse().unwrap();
        assert_eq!(types.said(Some("image/jpg")), Some("image/jpeg"));
        assert_eq!((types.said(None), types.said(Some("image/png"))), (Some(ANYTHING), None));
        assert_eq!(types.found(b"\x89PNG\r\n\x1a\n"), None);
        assert!("application/pdf, text/html".parse::<Types>().is_err() && "".parse::<Types>().is_err());
    }
}
