//! Which letters are drawn by which font, and how wide they are. The fonts are Noto's (`fonts/`, under the SIL Open Font
//! License): Latin in two weights, and one for each script in which names are written in India.

use std::ops::Range;

use harfrust::{FontRef, ShapeOptions, Shaper, ShaperData, UnicodeBuffer};

use super::sheet::Twips;

/// How heavy the letters are. Only Latin has both weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// As text is.
    Regular,
    /// As headings are.
    Bold,
}

/// A font file and the letters that it is for.
struct File {
    name: &'static str,
    bytes: &'static [u8],
    letters: &'static [(char, char)],
}

macro_rules! file {
    ($name:literal, $letters:expr) => {
        File { name: $name, bytes: include_bytes!(concat!("../../fonts/", $name, ".ttf")), letters: $letters }
    };
}

/// The first two draw what no other is for.
const FILES: [File; 11] = [
    file!("NotoSans-Regular", &[]),
    file!("NotoSans-Bold", &[]),
    file!("NotoSansDevanagari-Regular", &[('\u{900}', '\u{97F}'), ('\u{1CD0}', '\u{1CFF}'), ('\u{A8E0}', '\u{A8FF}')]),
    file!("NotoSansBengali-Regular", &[('\u{980}', '\u{9FF}')]),
    file!("NotoSansGurmukhi-Regular", &[('\u{A00}', '\u{A7F}')]),
    file!("NotoSansGujarati-Regular", &[('\u{A80}', '\u{AFF}')]),
    file!("NotoSansOriya-Regular", &[('\u{B00}', '\u{B7F}')]),
    file!("NotoSansTamil-Regular", &[('\u{B80}', '\u{BFF}')]),
    file!("NotoSansTelugu-Regular", &[('\u{C00}', '\u{C7F}')]),
    file!("NotoSansKannada-Regular", &[('\u{C80}', '\u{CFF}')]),
    file!("NotoSansMalayalam-Regular", &[('\u{D00}', '\u{D7F}')]),
];
const REGULAR: usize = 0;
const BOLD: usize = 1;

/// All fonts, read once.
pub struct Fonts(Vec<Face>);

struct Face {
    font: FontRef<'static>,
    shaping: ShaperData,
    units_per_em: i64,
}

/// A font that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the font {0} cannot be read")]
pub struct BrokenFont(usize);

/// Letters of one font, in the order in which they are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which font.
    pub face: usize,
    /// What they say.
    pub text: String,
    /// The glyphs.
    pub glyphs: Vec<Glyph>,
    /// Of the font's em.
    pub units_per_em: i64,
}

/// A glyph with its measures in the font's units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// Its number in the font.
    pub id: u32,
    /// How far the next one is.
    pub advance: i32,
    /// Off the line, to the right.
    pub x_offset: i32,
    /// Off the line, upwards.
    pub y_offset: i32,
    /// The bytes of the run's text that it is for.
    pub range: Range<usize>,
}

/// A text made ready to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaped(pub Vec<Run>);

impl Run {
    fn width(&self, size: Twips) -> Twips {
        let units: i64 = self.glyphs.iter().map(|glyph| i64::from(glyph.advance)).sum();
        Twips::try_from(units * i64::from(size) / self.units_per_em.max(1)).unwrap_or(Twips::MAX)
    }
}

impl Shaped {
    /// How wide it is in this size.
    pub fn width(&self, size: Twips) -> Twips {
        self.0.iter().map(|run| run.width(size)).sum()
    }

    /// What it says.
    pub fn text(&self) -> String {
        self.0.iter().map(|run| run.text.as_str()).collect()
    }
}

impl Fonts {
    /// Reads them.
    ///
    /// # Errors
    /// Never, with the files that were tested.
    pub fn load() -> Result<Self, BrokenFont> {
        let face = |(index, file): (usize, &File)| {
            let font = FontRef::from_index(file.bytes, 0).map_err(|_broken| BrokenFont(index))?;
            let shaping = ShaperData::new(&font);
            let units_per_em = i64::from(shaping.shaper(&font).build().units_per_em());
            Ok(Face { font, shaping, units_per_em })
        };
        FILES.iter().enumerate().map(face).collect::<Result<_, _>>().map(Self)
    }

    /// A font's name and file.
    pub fn file(face: usize) -> Option<(&'static str, &'static [u8])> {
        FILES.get(face).map(|file| (file.name, file.bytes))
    }

    /// The glyphs of a text. What no font has is drawn as the font's own sign for that.
    pub fn shape(&self, text: &str, weight: Weight) -> Shaped {
        let mut runs: Vec<(usize, String)> = Vec::new();
        for letter in text.chars() {
            let before = runs.last().map(|(face, _)| *face);
            let face = face_of(letter, weight, before);
            match runs.last_mut() {
                Some((same, run)) if *same == face => run.push(letter),
                _ => runs.push((face, letter.to_string())),
            }
        }
        Shaped(runs.into_iter().filter_map(|(face, text)| self.run(face, text)).collect())
    }

    fn run(&self, index: usize, text: String) -> Option<Run> {
        let face = self.0.get(index)?;
        let shaper: Shaper<'_> = face.shaping.shaper(&face.font).build();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text);
        buffer.guess_segment_properties();
        let shaped = shaper.shape(buffer, ShapeOptions::default());
        let begins: Vec<usize> =
            shaped.glyph_infos().iter().filter_map(|info| usize::try_from(info.cluster).ok()).collect();
        let end_of = |begin: usize| begins.iter().copied().filter(|other| *other > begin).min().unwrap_or(text.len());
        let places = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).zip(&begins);
        let glyphs = places
            .map(|((info, place), begin)| Glyph {
                id: info.glyph_id,
                advance: place.x_advance,
                x_offset: place.x_offset,
                y_offset: place.y_offset,
                range: *begin..end_of(*begin),
            })
            .collect();
        Some(Run { face: index, text, glyphs, units_per_em: face.units_per_em })
    }

    /// The text in lines that are not wider than `room`: broken at spaces, and within a word only where that alone is wider.
    pub fn lines(&self, text: &str, weight: Weight, size: Twips, room: Twips) -> Vec<Shaped> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace().flat_map(|word| self.pieces(word, weight, size, room)) {
            let joined = lines.last().map(|line| format!("{line} {word}"));
            match joined.filter(|joined| self.shape(joined, weight).width(size) <= room) {
                Some(joined) => {
                    lines.pop();
                    lines.push(joined);
                }
                None => lines.push(word),
            }
        }
        lines.iter().map(|line| self.shape(line, weight)).collect()
    }

    /// A word, cut between clusters where it is wider than the room.
    fn pieces(&self, word: &str, weight: Weight, size: Twips, room: Twips) -> Vec<String> {
        let shaped = self.shape(word, weight);
        if shaped.width(size) <= room {
            return vec![word.to_owned()];
        }
        let mut pieces = vec![String::new()];
        // in thousandths of a twip, so that what each glyph loses does not add up
        let (mut used, room) = (0, i64::from(room) * 1000);
        for run in &shaped.0 {
            let mut glyphs = run.glyphs.iter().peekable();
            while let Some(glyph) = glyphs.next() {
                let mut units = i64::from(glyph.advance);
                while let Some(same) = glyphs.next_if(|next| next.range == glyph.range) {
                    units += i64::from(same.advance);
                }
                let wide = units * i64::from(size) * 1000 / run.units_per_em.max(1);
                if used > 0 && used + wide > room {
                    pieces.push(String::new());
                    used = 0;
                }
                used += wide;
                if let (Some(piece), Some(letters)) = (pieces.last_mut(), run.text.get(glyph.range.clone())) {
                    piece.push_str(letters);
                }
            }
        }
        pieces
    }
}

/// The font of a letter. Joiners and dandas, which several scripts share, are drawn by the font of what is before them.
fn face_of(letter: char, weight: Weight, before: Option<usize>) -> usize {
    let latin = if weight == Weight::Bold { BOLD } else { REGULAR };
    if matches!(letter, '\u{200C}' | '\u{200D}' | '\u{964}' | '\u{965}' | '\u{25CC}') {
        return before.unwrap_or(latin);
    }
    let is_for = |file: &File| file.letters.iter().any(|(first, last)| (*first..=*last).contains(&letter));
    FILES.iter().position(is_for).unwrap_or(latin)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_have_their_letters() {
        let fonts = Fonts::load().unwrap();
        for name in
            ["Lakshmi Rao ₹ – é", "लक्ष्मी राव", "லட்சுமி", "লক্ষ্মী", "లక్ష్మి", "ಲಕ್ಷ್ಮಿ", "ലക്ഷ്മി", "લક્ષ્મી", "ਲਕਸ਼ਮੀ", "ଲକ୍ଷ୍ମୀ"]
        {
            let shaped = fonts.shape(name, Weight::Regular);
            assert_eq!(shaped.text(), name);
            assert!(
                shaped.0.iter().flat_map(|run| &run.glyphs).all(|glyph| glyph.id != 0),
                "{name} has letters without a glyph"
            );
        }
    }

    #[test]
    fn conjuncts_are_formed_and_vowels_stand_before_their_consonants() {
        let fonts = Fonts::load().unwrap();
        let ids = |text: &str| {
            fonts.shape(text, Weight::Regular).0[0].glyphs.iter().map(|glyph| glyph.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("क्ष").len(), 1, "ksha is one glyph");
        let (vowel, consonant) = (ids("कि"), ids("क"));
        assert_eq!(vowel.last(), consonant.last(), "the short i stands before its consonant");
        let tamil = ids("கெ");
        assert_eq!(tamil.last(), ids("க").last());
    }

    #[test]
    fn lines_keep_within_their_room() {
        let fonts = Fonts::load().unwrap();
        let (size, room) = (160, 2000);
        for text in [
            "Consultation with a senior surgeon of the department of orthopaedics",
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
            "श्रीमतीलक्ष्मीनारायणस्वामीवेङ्कटेश्वरराव लक्ष्मी",
        ] {
            let lines = fonts.lines(text, Weight::Regular, size, room);
            assert!(lines.len() > 1 && lines.iter().all(|line| line.width(size) <= room), "{text}");
            let letters: String = lines.iter().map(Shaped::text).collect::<String>().split_whitespace().collect();
            assert_eq!(letters, text.split_whitespace().collect::<String>(), "nothing is lost");
        }
        assert!(fonts.lines(" ", Weight::Bold, size, room).is_empty());
    }
}
