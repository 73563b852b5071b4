//! The fields that go with an uploaded file, and all that is wrong with them at once. Pure.

use chassis::phi::Phi;
use chassis::strict_json::{Fault, Faults};
use chassis::text;
use utoipa::ToSchema;

use super::kind::DocumentType;
use super::multipart::Headers;
use crate::fields::aadhaar;

const LONGEST_TITLE: usize = 200;
const LONGEST_DESCRIPTION: usize = 2_000;
/// Bytes of a field besides the file: characters have four at most.
pub const LONGEST_FIELD: usize = 4 * LONGEST_DESCRIPTION;

/// What is sent, as `multipart/form-data`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's description of a form; `Form` reads it as it comes")]
pub struct UploadForm {
    /// The document: PDF, JPEG, PNG, TIFF, WebP or DICOM, as the hospital allows. Its name is not kept.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// What it is called.
    #[schema(max_length = 200)]
    title: String,
    /// What it is.
    document_type: DocumentType,
    /// What there is to say of it.
    #[schema(max_length = 2000)]
    description: Option<String>,
}

/// What is to be done with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Its text is a field.
    Field,
    /// It is the document.
    File,
    /// It is passed over: what is wrong with it is noted.
    Nothing,
}

/// The fields of a form that is being read.
#[derive(Debug, Default)]
pub struct Form {
    title: Option<Phi<String>>,
    document_type: Option<DocumentType>,
    description: Option<Phi<String>>,
    seen: Vec<String>,
    faults: Faults,
}

/// The fields of a sound form.
#[derive(Clone, Debug)]
pub struct Fields {
    /// What it is called.
    pub title: Phi<String>,
    /// What it is.
    pub document_type: DocumentType,
    /// What there is to say of it.
    pub description: Phi<String>,
}

impl Form {
    /// What the next part is.
    pub fn slot(&mut self, part: &Headers) -> Slot {
        let slot = match (part.name.as_str(), part.is_file) {
            ("file", _) => Slot::File,
            ("title" | "document_type" | "description", false) => Slot::Field,
            ("title" | "document_type" | "description", true) => {
                self.faults.push(&part.name, "wrong_type", "must be text, not a file");
                Slot::Nothing
            }
            (name, _) => {
                // a client may call a part anything, a patient's name among it
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                let known = "is not known here; known: file, title, document_type, description";
                self.faults.push(name, "unknown_field", known);
                Slot::Nothing
            }
        };
        if slot != Slot::Nothing {
            if self.seen.contains(&part.name) {
                self.faults.push(&part.name, "repeated", "is given more than once");
                return Slot::Nothing;
            }
            self.seen.push(part.name.clone());
        }
        slot
    }

    /// A field's text.
    pub fn take(&mut self, name: &str, text: &[u8]) {
        let taken = match std::str::from_utf8(text) {
            Err(_) => Err(Fault::new("invalid", "is not UTF-8")),
            Ok(text) => self.keep(name, text),
        };
        if let Err(fault) = taken {
            self.faults.0.push(fault.at(name));
        }
    }

    fn keep(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        match name {
            "title" => self.title = Some(free_text(text::line(text, LONGEST_TITLE)?)?),
            "document_type" => self.document_type = Some(text.trim().parse()?),
            _ => self.description = Some(free_text(text::paragraph(text, LONGEST_DESCRIPTION)?)?),
        }
        Ok(())
    }

    /// A field that is too large to be read.
    pub fn too_long(&mut self, name: &str) {
        let most = if name == "title" { LONGEST_TITLE } else { LONGEST_DESCRIPTION };
        self.fault(name, "too_long", format!("must have at most {most} characters"));
    }

    /// Something wrong with a part.
    pub fn fault(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.faults.push(name, code, message);
    }

    /// Whether nothing is wrong so far.
    pub fn is_sound(&self) -> bool {
        self.faults.0.is_empty()
    }

    /// The fields, once all parts were read.
    ///
    /// # Errors
    /// All that was wrong with them.
    pub fn finish(mut self) -> Result<Fields, Faults> {
        for name in ["file", "title", "document_type"] {
            if !self.seen.iter().any(|seen| seen == name) {
                self.faults.push(name, "required", "is required");
            }
        }
        if self.title.as_ref().is_some_and(|title| title.expose().is_empty()) {
            self.faults.push("title", "required", "must not be empty");
        }
        match (self.title, self.document_type) {
            (Some(title), Some(document_type)) if self.faults.0.is_empty() => {
                Ok(Fields { title, document_type, description: self.description.unwrap_or_default() })
            }
            _ => Err(self.faults),
        }
    }
}

fn free_text(text: String) -> Result<Phi<String>, Fault> {
    if aadhaar::is_within(&text) { Err(aadhaar::refused()) } else { Ok(Phi::new(text)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn part(name: &str, is_file: bool) -> Headers {
        Headers { name: name.to_owned(), is_file, content_type: None }
    }

    fn faults(form: Form) -> Vec<(String, &'static str)> {
        form.finish().unwrap_err().0.into_iter().map(|fault| (fault.field, fault.code)).collect()
    }

    fn read(parts: &[(&str, &str)]) -> Form {
        let mut form = Form::default();
        for (name, text) in parts {
            if form.slot(&part(name, *name == "file")) == Slot::Field {
                form.take(name, text.as_bytes());
            }
        }
        form
    }

    #[test]
    fn a_sound_form() {
        let form =
            read(&[("file", ""), ("description", "two\nlines"), ("title", " ECG "), ("document_type", "IMAGING")]);
        let fields = form.finish().unwrap();
        assert_eq!((fields.title.expose().as_str(), fields.document_type), ("ECG", DocumentType::Imaging));
        let fields = read(&[("title", "ECG"), ("document_type", "OTHER"), ("file", "")]).finish().unwrap();
        assert!(fields.description.expose().is_empty());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        assert_eq!(
            faults(Form::default()),
            [("file", "required"), ("title", "required"), ("document_type", "required")]
                .map(|(field, code)| (field.to_owned(), code))
        );
        let mut form = read(&[
            ("title", "of 2345 6789 0124"),
            ("document_type", "SELFIE"),
            ("description", "<script>alert(1)</script>"),
            ("colour", "red"),
            ("title", "again"),
        ]);
        assert_eq!(form.slot(&part("title", true)), Slot::Nothing);
        form.take("description", b"\xff");
        form.too_long("description");
        let found = faults(form);
        let expected = [
            ("title", "aadhaar"),
            ("document_type", "unknown_value"),
            ("description", "markup"),
            ("colour", "unknown_field"),
            ("title", "repeated"),
            ("title", "wrong_type"),
            ("description", "invalid"),
            ("description", "too_long"),
            ("file", "required"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code)));
        assert_eq!(
            faults(read(&[("title", " "), ("document_type", "OTHER"), ("file", "")])),
            [("title".to_owned(), "required")]
        );
    }
}
