//! What the process of a [`bench`](super::bench) does: binds itself, reads a content, draws out one thing, ends. It knows
//! nothing else of the service. `patients inspect`, which nobody types.

use std::io::{self, Cursor, Read, Write};
use std::process::ExitCode;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{RenderCache, RenderSettings};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbaImage};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::LARGEST_HELD;
use crate::documents::types::Portion;
use crate::documents::words::folded;
use crate::fields::aadhaar;

/// Bytes that come out at most.
pub const MOST_DRAWN: u64 = 1024 * 1024;
/// The exit code that says that a content unpacks to more than there is memory for.
pub const EXPANDS: u8 = 3;

/// Bytes of text that are kept of one document.
const LONGEST_TEXT: usize = 256 * 1024;
/// Pixels of a small picture, either way.
const SMALL: u32 = 320;
/// Pixels of a page's longer side while it is drawn.
const DRAWN: f32 = 640.0;
/// Pixels of a picture that is made small, either way.
const LARGEST: u32 = 20_000;
const QUALITY: u8 = 80;

/// Draws `portion` out of standard input, to standard output.
pub fn run(portion: Portion, memory: u64, seconds: u64) -> ExitCode {
    if bind(memory, seconds).is_err() {
        return ExitCode::FAILURE;
    }
    let mut content = Vec::new();
    if io::stdin().lock().take(LARGEST_HELD).read_to_end(&mut content).is_err() {
        return ExitCode::FAILURE;
    }
    let drawn = match portion {
        Portion::Text => text(&content),
        Portion::Picture => picture(content, memory),
        Portion::Page => page(content),
    };
    match drawn {
        _ if peak() > memory / 4 * 3 => ExitCode::from(EXPANDS),
        Some(drawn) if io::stdout().write_all(&drawn).is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// No more memory, no more time, no file, no child, and no dump of what was in memory.
fn bind(memory: u64, seconds: u64) -> io::Result<()> {
    let limits = [
        (Resource::Data, memory),
        (Resource::Cpu, seconds),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// The most memory that was in use (Linux; elsewhere nobody knows).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok());
    kilobytes.unwrap_or_default().saturating_mul(1024)
}

/// As a search compares it, without Aadhaar numbers.
fn text(content: &[u8]) -> Option<Vec<u8>> {
    let mut text = folded(&pdf_extract::extract_text_from_mem(content).ok()?);
    let end = (0..=LONGEST_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    text.truncate(end);
    Some(aadhaar::crossed_out(text.as_bytes()))
}

fn picture(content: Vec<u8>, memory: u64) -> Option<Vec<u8>> {
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LARGEST), Some(LARGEST));
    limits.max_alloc = Some(memory / 2);
    let mut reader = ImageReader::new(Cursor::new(content)).with_guessed_format().ok()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image = image.thumbnail(SMALL, SMALL);
    image.apply_orientation(orientation);
    jpeg(&image)
}

/// The first page on white, drawn twice as large as it is shown, so that its lines are smooth.
#[expect(clippy::float_arithmetic, reason = "how many pixels a page's points are: nothing is counted by it")]
fn page(content: Vec<u8>) -> Option<Vec<u8>> {
    let pdf = Pdf::new(content).ok()?;
    let first = pdf.pages().first()?;
    let (width, height) = first.render_dimensions();
    let scale = DRAWN / width.max(height);
    if !scale.is_normal() || width.min(height) * scale < 1.0 {
        return None; // a page without an area
    }
    let size = RenderSettings { x_scale: scale, y_scale: scale, bg_color: WHITE, ..RenderSettings::default() };
    let drawn = hayro::render(first, &RenderCache::new(), &InterpreterSettings::default(), &size);
    // On white nothing is transparent, so that colours that are multiplied by their opacity are those that they are.
    let pixels = drawn.data_as_u8_slice().to_vec();
    let image = RgbaImage::from_raw(drawn.width().into(), drawn.height().into(), pixels)?;
    jpeg(&DynamicImage::from(image).thumbnail(SMALL, SMALL))
}

fn jpeg(image: &DynamicImage) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image.to_rgb8()).ok()?;
    Some(jpeg)
}
