//! The bytes of a document. The same document gives the same bytes.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use subsetter::GlyphRemapper;

use super::fonts::{Fonts, Glyph, Run, Shaped};
use super::sheet::{HEIGHT, Mark, Page, Twips, WIDTH};
use crate::upi::qr::Modules;

/// Draws pages.
///
/// # Errors
/// When a font cannot be cut down; never seen.
pub fn draw(pages: &[Page], title: &str) -> Result<Vec<u8>> {
    let mut used = BTreeMap::new();
    let contents: Vec<_> = pages.iter().map(|page| content(page, &mut used)).collect();
    let mut file = File { pdf: Pdf::new(), last: 0 };
    let (catalog, tree) = (file.id(), file.id());
    file.pdf.catalog(catalog).pages(tree).lang(TextStr("en-IN"));
    let mut fonts = Vec::new();
    for (face, used) in &used {
        fonts.push((*face, file.font(*face, used)?));
    }
    let mut kids = Vec::new();
    for content in contents {
        kids.push(file.page(tree, &fonts, &content)?);
    }
    let count = i32::try_from(kids.len()).context("pages are counted")?;
    file.pdf.pages(tree).kids(kids).count(count);
    let info = file.id();
    file.pdf.document_info(info).title(TextStr(title)).producer(TextStr("EHS"));
    Ok(file.pdf.finish())
}

/// What a document needs of a font: its glyphs under new numbers, how wide they are, what they say.
#[derive(Default)]
struct Used {
    numbers: GlyphRemapper,
    widths: BTreeMap<u16, i16>,
    letters: BTreeMap<u16, String>,
}

impl Used {
    /// The new number of a glyph, and by how much it is drawn narrower than it was first.
    fn take(&mut self, run: &Run, glyph: &Glyph) -> (u16, i16) {
        let number = self.numbers.remap(u16::try_from(glyph.id).unwrap_or(0));
        let advance = thousandths(glyph.advance, run.units_per_em);
        let width = *self.widths.entry(number).or_insert(advance);
        if let Some(letters) = run.text.get(glyph.range.clone()) {
            self.letters.entry(number).or_insert_with(|| letters.to_owned());
        }
        (number, width.saturating_sub(advance))
    }
}

fn content(page: &Page, used: &mut BTreeMap<usize, Used>) -> Vec<u8> {
    let mut content = Content::new();
    for mark in &page.0 {
        match mark {
            Mark::Text { x, y, size, text } => write(&mut content, (*x, *y), *size, text, used),
            Mark::Rule { x, y, length, thickness } => fill(&mut content, 0, [(*x, *y, *length, *thickness)]),
            Mark::Field { x, y, width, height } => fill(&mut content, 9, [(*x, *y, *width, *height)]),
            Mark::Code { x, y, module, code } => fill(&mut content, 0, dark_modules(code, (*x, *y), *module)),
        }
    }
    content.finish().to_vec()
}

fn write(content: &mut Content, (x, y): (Twips, Twips), size: Twips, text: &Shaped, used: &mut BTreeMap<usize, Used>) {
    content.begin_text();
    content.set_fill_gray(0.0);
    content.set_text_matrix([1.0, 0.0, 0.0, 1.0, length(x), length(HEIGHT - y)]);
    for run in &text.0 {
        content.set_font(Name(name(run.face).as_bytes()), length(size));
        // who copies or reads the text aloud gets the letters, not the glyphs in the order of drawing
        content.begin_marked_content_with_properties(Name(b"Span")).properties().actual_text(TextStr(&run.text));
        let used = used.entry(run.face).or_default();
        for same_height in run.glyphs.chunk_by(|one, other| one.y_offset == other.y_offset) {
            let rise = same_height.first().map_or(0, |glyph| glyph.y_offset);
            let rise = i64::from(rise) * i64::from(size) / run.units_per_em.max(1);
            content.set_rise(length(Twips::try_from(rise).unwrap_or(0)));
            let mut shown = content.show_positioned();
            let mut items = shown.items();
            for glyph in same_height {
                let (number, narrower) = used.take(run, glyph);
                let aside = thousandths(glyph.x_offset, run.units_per_em);
                if aside != 0 {
                    items.adjust(f32::from(aside.saturating_neg()));
                }
                items.show(Str(&number.to_be_bytes()));
                let back = aside.saturating_add(narrower);
                if back != 0 {
                    items.adjust(f32::from(back));
                }
            }
        }
        content.end_marked_content();
    }
    content.end_text();
}

/// The dark modules, those beside each other in one piece.
fn dark_modules(code: &Modules, (x, y): (Twips, Twips), module: Twips) -> Vec<(Twips, Twips, Twips, Twips)> {
    let at = |index: usize| Twips::try_from(index).unwrap_or(0) * module;
    let mut pieces = Vec::new();
    for row in 0..code.side() {
        let mut begun = None;
        for column in 0..=code.side() {
            match (begun, code.dark(column, row)) {
                (None, true) => begun = Some(column),
                (Some(first), false) => {
                    pieces.push((x + at(first), y + at(row), at(column - first), module));
                    begun = None;
                }
                _ => {}
            }
        }
    }
    pieces
}

/// Fills fields with a grey of so many tenths of white.
fn fill(content: &mut Content, tenths: u8, fields: impl IntoIterator<Item = (Twips, Twips, Twips, Twips)>) {
    content.set_fill_gray(length(Twips::from(tenths) * 2));
    for (x, y, width, height) in fields {
        content.rect(length(x), length(HEIGHT - y - height), length(width), length(height));
    }
    content.fill_nonzero();
}

struct File {
    pdf: Pdf,
    last: i32,
}

const IDENTITY: SystemInfo<'static> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

impl File {
    fn id(&mut self) -> Ref {
        self.last += 1;
        Ref::new(self.last)
    }

    fn page(&mut self, tree: Ref, fonts: &[(usize, Ref)], content: &[u8]) -> Result<Ref> {
        let (id, content_id) = (self.id(), self.id());
        let mut page = self.pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, length(WIDTH), length(HEIGHT))).parent(tree).contents(content_id);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (face, font) in fonts {
            named.pair(Name(name(*face).as_bytes()), *font);
        }
        named.finish();
        resources.finish();
        page.finish();
        self.pdf.stream(content_id, &deflated(content)?).filter(Filter::FlateDecode);
        Ok(id)
    }

    /// A font with only the glyphs that are used (ISO 32000-1, 9.7: composite fonts).
    fn font(&mut self, face: usize, used: &Used) -> Result<Ref> {
        let (font_name, bytes) = Fonts::file(face).context("a run has a font")?;
        let cut =
            subsetter::subset(bytes, 0, &used.numbers).with_context(|| format!("{font_name} cannot be cut down"))?;
        let (font, cid, descriptor, file, letters) = (self.id(), self.id(), self.id(), self.id(), self.id());
        let base = format!("EHSBIL+{font_name}");
        let base = Name(base.as_bytes());
        self.pdf
            .type0_font(font)
            .base_font(base)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(letters);
        let mut cid_font = self.pdf.cid_font(cid);
        cid_font.subtype(CidFontType::Type2).base_font(base).system_info(IDENTITY).font_descriptor(descriptor);
        cid_font.default_width(0.0).cid_to_gid_map_predefined(Name(b"Identity"));
        let width = |number| f32::from(used.widths.get(&number).copied().unwrap_or(0));
        cid_font.widths().consecutive(0, (0..used.numbers.num_gids()).map(width));
        cid_font.finish();
        self.pdf
            .font_descriptor(descriptor)
            .name(base)
            .flags(FontFlags::SYMBOLIC)
            .bbox(Rect::new(-600.0, -500.0, 1500.0, 1200.0))
            .italic_angle(0.0)
            .ascent(1069.0)
            .descent(-293.0)
            .cap_height(714.0)
            .stem_v(80.0)
            .font_file2(file);
        let whole = i32::try_from(cut.len()).context("a font has a length")?;
        self.pdf.stream(file, &deflated(&cut)?).filter(Filter::FlateDecode).pair(Name(b"Length1"), whole);
        let mut map = UnicodeCmap::<u16>::new(Name(b"Letters"), IDENTITY);
        for (number, letters) in used.letters.iter().filter(|(_, letters)| !letters.is_empty()) {
            map.pair_with_multiple(*number, letters.chars());
        }
        self.pdf.stream(letters, &deflated(&map.finish())?).filter(Filter::FlateDecode);
        Ok(font)
    }
}

fn deflated(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn name(face: usize) -> String {
    format!("F{face}")
}

/// Units of a font in thousandths of its em.
fn thousandths(units: i32, units_per_em: i64) -> i16 {
    i16::try_from(i64::from(units) * 1000 / units_per_em.max(1)).unwrap_or(i16::MAX)
}

/// A length in points, as PDF wants it.
#[expect(clippy::float_arithmetic, reason = "points on a page, not money")]
fn length(twips: Twips) -> f32 {
    f32::from(i16::try_from(twips).unwrap_or(i16::MAX)) / 20.0
}
