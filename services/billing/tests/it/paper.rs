//! What stands on a document as PDF: the text that a reader copies from it, and the codes that a phone finds on its pages.

use std::io::Cursor;

use billing::pdf::kept::PaperKind;
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{RenderCache, RenderSettings};
use rqrr::PreparedImage;

use crate::clinic::Clinic;

/// The document itself.
pub async fn pdf(clinic: &Clinic, kind: PaperKind, id: i64) -> Vec<u8> {
    clinic.app.papers.bytes(&clinic.app.db, kind, id).await.unwrap().to_vec()
}

/// A document's text in the order in which it is drawn, without any white: where lines end and how far letters are apart is
/// layout.
pub struct Text(String);

impl Text {
    pub async fn of(clinic: &Clinic, kind: PaperKind, id: i64) -> Self {
        Self(squeezed(&pdf_extract::extract_text_from_mem(&pdf(clinic, kind, id).await).unwrap()))
    }

    pub fn says(&self, words: &str) -> bool {
        self.0.contains(&squeezed(words))
    }

    /// Insists that all of this is there.
    #[track_caller]
    pub fn expect(&self, particulars: &[&str]) {
        for particular in particulars {
            assert!(self.says(particular), "{particular} is missing in\n{}", self.0);
        }
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// What the codes on an image say.
pub fn codes_of_png(png: &[u8]) -> Vec<String> {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
    let mut grey = vec![0; reader.output_buffer_size().unwrap()];
    let shape = reader.next_frame(&mut grey).unwrap();
    assert_eq!((shape.color_type, shape.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Eight));
    codes((shape.width as usize, shape.height as usize), |x, y| grey[y * shape.line_size + x])
}

/// What the codes on the pages of a PDF say, once it is printed.
pub fn codes_of_pdf(pdf: Vec<u8>) -> Vec<String> {
    let size = RenderSettings { x_scale: 3.0, y_scale: 3.0, bg_color: WHITE, ..RenderSettings::default() };
    let mut found = Vec::new();
    for page in Pdf::new(pdf).unwrap().pages().iter() {
        let drawn = hayro::render(page, &RenderCache::new(), &InterpreterSettings::default(), &size);
        let (width, height) = (usize::from(drawn.width()), usize::from(drawn.height()));
        let pixels = drawn.data_as_u8_slice();
        // black, grey and white: red says how bright it is
        found.extend(codes((width, height), |x, y| pixels[(y * width + x) * 4]));
    }
    found
}

fn codes((width, height): (usize, usize), brightness: impl FnMut(usize, usize) -> u8) -> Vec<String> {
    let mut image = PreparedImage::prepare_from_greyscale(width, height, brightness);
    image.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
}
