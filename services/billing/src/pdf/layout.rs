//! Where a document says what it says: pages with a head each, the lines under their column's names, the sums. Pure.

use super::fonts::{Fonts, Shaped, Weight};
use super::paper::{Columns, Paper};
use super::sheet::{HEIGHT, LEFT, MARGIN, Mark, Page, RIGHT, Side, Style, Twips, points};
use crate::upi::qr::Modules;

const NAME: Style = Style::plain(points(13)).bold();
const TITLE: Style = Style::plain(points(11)).bold().right();
const TEXT: Style = Style::plain(points(8));
const CELL: Style = Style::plain(points(7));
const SMALL: Style = Style::plain(points(6));
/// Below this there is only the foot.
const LOWEST: Twips = HEIGHT - MARGIN - points(16);
const GAP: Twips = points(4);
/// The side of a module of the code to pay by.
const MODULE: Twips = points(2);
/// What stays white around it, for scanners to find it: four modules (ISO/IEC 18004, 6.3.8).
const QUIET: Twips = 4 * MODULE;

/// A column: what stands over it, how wide it is, and to which side its cells are set.
struct Column {
    name: &'static str,
    width: Twips,
    side: Side,
}

const fn column(name: &'static str, width: Twips, side: Side) -> Column {
    Column { name, width, side }
}

/// A document's pages.
pub fn pages(fonts: &Fonts, paper: &Paper) -> Vec<Page> {
    let mut layout = Layout { fonts, paper, pages: Vec::new(), y: 0 };
    layout.turn();
    layout.parties();
    layout.table();
    layout.sums();
    layout.summary();
    layout.closing();
    layout.feet()
}

struct Layout<'a> {
    fonts: &'a Fonts,
    paper: &'a Paper,
    pages: Vec<Page>,
    /// How far down the last page is filled.
    y: Twips,
}

impl Layout<'_> {
    /// Puts a line of text on the last page, its letters on `y`.
    fn put(&mut self, (x, y): (Twips, Twips), room: Twips, style: Style, text: &str) {
        let fonts = self.fonts;
        if let Some(page) = self.pages.last_mut() {
            page.put(fonts, (x, y), room, style, text);
        }
    }

    fn put_shaped(&mut self, at: (Twips, Twips), room: Twips, style: Style, text: Shaped) {
        if let Some(page) = self.pages.last_mut() {
            page.put_shaped(at, room, style, text);
        }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.0.push(mark);
        }
    }

    fn rule(&mut self) {
        let y = self.y;
        if let Some(page) = self.pages.last_mut() {
            page.rule(y);
        }
    }

    /// Puts a text of several lines under what is there, from `x` on.
    fn paragraph(&mut self, x: Twips, room: Twips, style: Style, text: &str) {
        for line in self.fonts.lines(text, style.weight, style.size, room) {
            self.y += style.leading();
            self.put_shaped((x, self.y), room, style, line);
        }
    }

    /// Turns to a new page with the head that every page has.
    fn turn(&mut self) {
        self.pages.push(Page::default());
        self.y = MARGIN + NAME.size;
        let (half, paper) = ((RIGHT - LEFT) / 2, self.paper);
        let mut supplier = paper.supplier.iter();
        self.put((LEFT, self.y), half, NAME, supplier.next().map_or("", String::as_str));
        self.put((LEFT + half, self.y), half, TITLE, paper.title);
        let top = self.y;
        for text in supplier {
            self.paragraph(LEFT, half, TEXT, text);
        }
        let below = self.y;
        self.y = top + TEXT.leading();
        self.put((LEFT + half, self.y), half, TEXT.right(), "ORIGINAL FOR RECIPIENT");
        if let Some((label, number)) = paper.facts.first() {
            self.y += TEXT.leading();
            self.put((LEFT + half, self.y), half, TEXT.bold().right(), &format!("{label} {number}"));
        }
        self.y = self.y.max(below) + GAP;
        self.rule();
        self.y += GAP;
    }

    /// Turns the page if that much does not fit on it any more; says whether it did.
    fn room_for(&mut self, height: Twips) -> bool {
        let turned = self.y + height > LOWEST;
        if turned {
            self.turn();
        }
        turned
    }

    /// Who is billed, and what the document is.
    fn parties(&mut self) {
        let (half, top, paper) = ((RIGHT - LEFT) / 2, self.y, self.paper);
        self.paragraph(LEFT, half, SMALL, paper.party);
        for (index, text) in paper.recipient.iter().enumerate() {
            let style = if index == 0 { Style::plain(points(10)).bold() } else { TEXT };
            self.paragraph(LEFT, half - GAP, style, text);
        }
        let left = self.y;
        self.y = top;
        for (label, value) in &paper.facts {
            let lines = self.fonts.lines(value, Weight::Regular, TEXT.size, half * 2 / 3);
            for (index, line) in lines.into_iter().enumerate() {
                self.y += TEXT.leading();
                if index == 0 {
                    self.put((LEFT + half, self.y), half / 3, TEXT.bold(), label);
                }
                self.put_shaped((LEFT + half + half / 3, self.y), half * 2 / 3, TEXT, line);
            }
        }
        self.y = self.y.max(left) + GAP * 2;
    }

    fn line_columns(&self) -> Vec<Column> {
        match self.paper.columns {
            Columns::Charges => self.charge_columns(),
            Columns::Voucher => vec![
                column("#", 280, Side::Left),
                column("Description", 5186, Side::Left),
                column("GST", 1000, Side::Right),
                column("CGST", 1000, Side::Right),
                column(self.paper.state_tax.as_str(), 1000, Side::Right),
                column("Amount ₹", 2000, Side::Right),
            ],
        }
    }

    fn charge_columns(&self) -> Vec<Column> {
        use Side::{Left, Right};
        let (integrated, tax) = (self.paper.integrated, 720);
        let words = if integrated { 1966 } else { 1966 + tax };
        let mut columns = vec![
            column("#", 280, Left),
            column("Description", words, Left),
            column("SAC/HSN", 820, Left),
            column("Qty", 640, Right),
            column("Price", 1060, Right),
            column("Discount", 880, Right),
            column("Value", 1080, Right),
            column("GST", 560, Right),
            column("CGST", tax, Right),
            column(self.paper.state_tax.as_str(), tax, Right),
        ];
        if integrated {
            columns.push(column("IGST", tax, Right));
        }
        columns.push(column("Amount ₹", 1020, Right));
        columns
    }

    /// The lines, under their column's names on every page.
    fn table(&mut self) {
        let columns = self.line_columns();
        self.column_names(&columns);
        let paper = self.paper;
        for row in &paper.lines {
            let height = self.height(&columns, row);
            if self.room_for(height) {
                self.column_names(&columns);
            }
            self.row(&columns, row);
        }
        self.y += GAP / 2;
        self.rule();
    }

    fn column_names(&mut self, columns: &[Column]) {
        let (height, width) = (CELL.leading() + GAP, columns.iter().map(|column| column.width).sum());
        self.mark(Mark::Field { x: LEFT, y: self.y, width, height });
        let names: Vec<_> = columns.iter().map(|column| column.name.to_owned()).collect();
        self.cells(columns, &names, CELL.bold());
        self.y += GAP;
    }

    fn height(&self, columns: &[Column], row: &[String]) -> Twips {
        let lines = columns.iter().zip(row).map(|(column, text)| self.cell_lines(column, text, CELL).len());
        let lines = Twips::try_from(lines.max().unwrap_or(1)).unwrap_or(1);
        lines * CELL.leading() + GAP
    }

    fn row(&mut self, columns: &[Column], row: &[String]) {
        self.cells(columns, row, CELL);
        self.y += GAP / 2;
    }

    /// Only words run over several lines; figures are set smaller instead.
    fn cell_lines(&self, column: &Column, text: &str, style: Style) -> Vec<Shaped> {
        if column.side == Side::Right {
            return vec![self.fonts.shape(text, style.weight)];
        }
        self.fonts.lines(text, style.weight, style.size, column.width - GAP)
    }

    fn cells(&mut self, columns: &[Column], row: &[String], style: Style) {
        let (top, mut lowest, mut x) = (self.y, self.y, LEFT);
        for (column, text) in columns.iter().zip(row) {
            self.y = top;
            let style = Style { side: column.side, ..style };
            for line in self.cell_lines(column, text, style) {
                self.y += style.leading();
                self.put_shaped((x + GAP / 2, self.y), column.width - GAP, style, line);
            }
            lowest = lowest.max(self.y);
            x += column.width;
        }
        self.y = lowest;
    }

    fn sums(&mut self) {
        let paper = self.paper;
        let count = Twips::try_from(paper.sums.len()).unwrap_or(1);
        self.room_for((count + 3) * TEXT.leading() + GAP * 3);
        let (x, room, top) = (RIGHT - 4200, 4200 - GAP / 2, self.y);
        for (index, (label, value)) in paper.sums.iter().enumerate() {
            let style = if index + 1 == paper.sums.len() { Style::plain(points(10)).bold() } else { TEXT };
            self.y += style.leading();
            self.put((x, self.y), room / 3, style, label);
            self.put((x + room / 3, self.y), room * 2 / 3, style.right(), value);
        }
        let right = self.y;
        self.y = top;
        self.paragraph(LEFT, x - LEFT - GAP, SMALL, "AMOUNT IN WORDS");
        self.paragraph(LEFT, x - LEFT - GAP * 2, TEXT.bold(), &paper.words);
        self.y = self.y.max(right) + GAP * 2;
    }

    /// The tax by rate, where there is any to tell.
    fn summary(&mut self) {
        use Side::{Left, Right};
        if self.paper.summary.is_empty() {
            return;
        }
        let mut columns = vec![
            column("Tax summary", 1600, Left),
            column("Value", 1700, Right),
            column("CGST", 1400, Right),
            column(self.paper.state_tax.as_str(), 1400, Right),
        ];
        if self.paper.integrated {
            columns.push(column("IGST", 1400, Right));
        }
        columns.push(column("Tax", 1500, Right));
        let (paper, row) = (self.paper, CELL.leading() + GAP);
        let rows = Twips::try_from(paper.summary.len()).unwrap_or(1);
        self.room_for((rows + 1) * row + GAP);
        self.column_names(&columns);
        for row in &paper.summary {
            self.row(&columns, row);
        }
        self.y += GAP * 2;
    }

    /// Why the tax is what it is, the code to pay by, and who signs.
    fn closing(&mut self) {
        let paper = self.paper;
        for reason in &paper.reasons {
            self.room_for(SMALL.leading() * 3);
            self.paragraph(LEFT, RIGHT - LEFT, SMALL, reason);
        }
        self.y += GAP * 2;
        let code = paper.pay.as_ref().and_then(|(link, amount)| Modules::of(link).ok().map(|code| (code, amount)));
        let side = code.as_ref().map_or(0, |(code, _)| Twips::try_from(code.side()).unwrap_or(0) * MODULE + QUIET * 2);
        self.room_for(side.max(points(60)) + TEXT.leading() * 2);
        let top = self.y;
        if let Some((code, amount)) = code {
            self.mark(Mark::Code { x: LEFT, y: top + QUIET, module: MODULE, code });
            self.y = top + side + SMALL.size;
            self.put((LEFT, self.y), RIGHT - LEFT, SMALL, &format!("Pay {amount} by UPI"));
        }
        let (x, room) = (RIGHT - 4200, 4200);
        self.put((x, top + TEXT.leading()), room, TEXT.right(), &format!("For {}", paper.signed_for));
        self.put((x, top + points(56)), room, TEXT.right(), "Authorised signatory");
    }

    /// The pages with what stands at the foot of each.
    fn feet(self) -> Vec<Page> {
        let Self { fonts, paper, mut pages, .. } = self;
        let (count, room) = (pages.len(), RIGHT - LEFT);
        for (page, number) in pages.iter_mut().zip(1..) {
            let y = HEIGHT - MARGIN;
            page.rule(y - SMALL.leading());
            page.put(fonts, (LEFT, y), room, SMALL, &format!("{} {}", paper.title, paper.number()));
            page.put(fonts, (LEFT, y), room, SMALL.right(), &format!("Page {number} of {count}"));
        }
        pages
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use super::*;
    use crate::pdf::draw::draw;
    use crate::pdf::sheet::WIDTH;
    use crate::tax::StateTax;

    fn paper(lines: usize) -> Paper {
        let line = |n: usize| {
            let cells = [
                &n.to_string(),
                "Consultation with a senior surgeon of the department",
                "999312",
                "1",
                "500.00",
                "0.00",
                "500.00",
                "Exempt",
                "0.00",
                "0.00",
                "500.00",
            ];
            cells.map(str::to_owned).to_vec()
        };
        Paper {
            title: "BILL OF SUPPLY",
            party: "BILLED TO",
            columns: Columns::Charges,
            supplier: vec!["Asha Hospital".into(), "12 FC Road, Pune 411004".into(), "GSTIN 27AAPFU0939F1ZV".into()],
            recipient: vec!["लक्ष्मी நாராயணன்".into(), "Patient P00007".into()],
            facts: vec![("Invoice no.", "EHS/2627/000001".into()), ("Date", "27-11-2026".into())],
            state_tax: StateTax::Sgst,
            integrated: false,
            lines: (1..=lines).map(line).collect(),
            summary: vec![["Exempt", "500.00", "0.00", "0.00", "0.00"].map(str::to_owned).to_vec()],
            sums: vec![("Sub-total".into(), "500.00".into()), ("Total".into(), "₹ 500.00".into())],
            words: "Rupees Five Hundred Only".into(),
            reasons: vec!["Health care is exempt (Notification 12/2017-CT(R), serial 74): no tax".into()],
            pay: Some(("upi://pay?pa=asha@okbank&tr=EHS%2F2627%2F000001&am=500.00".into(), "₹ 500.00".into())),
            signed_for: "Asha Hospital".into(),
        }
    }

    #[test]
    fn every_page_has_its_head_the_columns_and_its_number() {
        let fonts = Fonts::load().unwrap();
        for lines in [1, 200] {
            let pages = pages(&fonts, &paper(lines));
            let count = pages.len();
            assert_eq!(count > 1, lines > 1, "{lines} lines on {count} pages");
            let texts: Vec<_> = pages.iter().map(Page::texts).collect();
            for (number, texts) in (1..).zip(&texts) {
                for text in [
                    "Asha Hospital",
                    "BILL OF SUPPLY",
                    "Invoice no. EHS/2627/000001",
                    &format!("Page {number} of {count}"),
                ] {
                    assert!(texts.iter().any(|it| it == text), "page {number} lacks {text}");
                }
            }
            let with_columns = texts.iter().filter(|texts| texts.iter().any(|text| text == "SAC/HSN")).count();
            let with_lines = texts.iter().filter(|texts| texts.iter().any(|text| text == "999312")).count();
            assert_eq!(with_columns, with_lines);
            let shown: usize = texts.iter().flatten().filter(|text| *text == "999312").count();
            assert_eq!(shown, lines, "every line stands there once");
            let last = texts.last().unwrap();
            assert!(last.iter().any(|text| text == "Authorised signatory"));
        }
    }

    #[test]
    fn nothing_stands_beyond_the_margins() {
        let fonts = Fonts::load().unwrap();
        let mut long = paper(60);
        long.recipient[0] = "W".repeat(300);
        long.lines[3][4] = "10,00,00,00,00,000.00".into();
        long.facts.push(("Reason", "billed twice ".repeat(30)));
        for mark in pages(&fonts, &long).iter().flat_map(|page| &page.0) {
            let (x, y, width, height) = match mark {
                Mark::Text { x, y, size, text } => (*x, *y, text.width(*size), 0),
                Mark::Rule { x, y, length, thickness } => (*x, *y, *length, *thickness),
                Mark::Field { x, y, width, height } => (*x, *y, *width, *height),
                Mark::Code { x, y, module, code } => {
                    let side = Twips::try_from(code.side()).unwrap() * module;
                    (*x, *y, side, side)
                }
            };
            assert!(x >= LEFT - 1 && x + width <= WIDTH - MARGIN + 2, "{mark:?}");
            assert!(y >= MARGIN && y + height <= HEIGHT - MARGIN, "{mark:?}");
        }
    }

    #[test]
    fn the_code_to_pay_by_has_white_around_it() {
        let fonts = Fonts::load().unwrap();
        for lines in [1, 30, 33, 36, 39] {
            let pages = pages(&fonts, &paper(lines));
            let of_code = |mark: &Mark| match mark {
                Mark::Code { x, y, module, code } => Some((*x, *y, Twips::try_from(code.side()).unwrap() * module)),
                _ => None,
            };
            let (page, (x, y, side)) =
                pages.iter().find_map(|page| Some((page, page.0.iter().find_map(of_code)?))).unwrap();
            for mark in &page.0 {
                let (left, top, right, bottom) = match mark {
                    Mark::Text { x, y, size, text } => {
                        (*x, y - size * 8 / 10, x + text.width(*size), y + size * 3 / 10)
                    }
                    Mark::Rule { x, y, length, thickness } => (*x, *y, x + length, y + thickness),
                    Mark::Field { x, y, width, height } => (*x, *y, x + width, y + height),
                    Mark::Code { .. } => continue,
                };
                let beside = right <= x - QUIET || left >= x + side + QUIET;
                assert!(beside || bottom <= y - QUIET || top >= y + side + QUIET, "{mark:?}");
            }
        }
    }

    #[test]
    fn the_same_document_gives_the_same_bytes() {
        let fonts = Fonts::load().unwrap();
        let drawn = || draw(&pages(&fonts, &paper(30)), "BILL OF SUPPLY EHS/2627/000001").unwrap();
        let bytes = drawn();
        assert!(bytes.starts_with(b"%PDF-") && bytes.len() < 200_000, "{}", bytes.len());
        assert_eq!(bytes, drawn());
    }
}
