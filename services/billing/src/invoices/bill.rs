//! A bill with everything that it needs: what was sent, and what the catalogue fills in. Pure.

use chassis::fields::{Day, Id};
use chassis::strict_json::{Fault, Faults};
use chassis::text::Line;
use chrono::NaiveDate;
use serde::Serialize;

use super::RegisteredRecipient;
use super::input::{InvoiceInput, ItemInput, SacHsn};
use crate::catalogue::Service;
use crate::money::Paise;
use crate::quantity::Quantity;
use crate::tax::{Circumstance, Kind, Rate, StateCode};

/// A bill before it is priced. Written as JSON it is what a caller would send, so that a merge patch applies to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// Who is billed.
    pub patient: Id,
    /// The appointment that it is for.
    pub appointment: Option<Id>,
    /// When it is to be paid.
    pub due_date: Option<Day>,
    /// Where goods are delivered.
    pub delivery_state: Option<StateCode>,
    /// The address there, where it is not the patient's.
    pub delivery_address: Option<Line<300>>,
    /// The business that it is made out to.
    pub registered_recipient: Option<RegisteredRecipient>,
    /// Off the whole bill.
    pub discount: Paise,
    /// Why.
    pub discount_reason: Option<Line<200>>,
    /// The lines.
    #[serde(rename = "items")]
    pub lines: Vec<BillLine>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BillLine {
    /// The catalogue's id of it.
    pub service: Option<Id>,
    /// What it is.
    pub description: Line<200>,
    /// SAC or HSN.
    pub sac_hsn: SacHsn,
    /// What kind of supply.
    pub kind: Kind,
    /// What decides the tax besides.
    pub circumstance: Option<Circumstance>,
    /// How much.
    pub quantity: Quantity,
    /// For one.
    pub unit_price: Paise,
    /// Off the line.
    pub discount: Paise,
    /// Why.
    pub discount_reason: Option<Line<200>>,
    /// The rate that was asked for.
    pub gst_rate: Option<Rate>,
    /// Why it is not that of the rules.
    pub gst_rate_reason: Option<Line<200>>,
}

/// The lines of a draft that is changed. Each stands for one line of what takes its place: what somebody let once, nobody
/// let twice.
#[derive(Clone, Debug)]
pub struct Standing<'a>(Vec<&'a BillLine>);

impl<'a> Standing<'a> {
    /// All of these lines.
    pub fn of(lines: &'a [BillLine]) -> Self {
        Self(lines.iter().collect())
    }

    /// Whether one more of these lines is this one, as it is.
    pub fn has_one_more(&mut self, line: &BillLine) -> bool {
        let place = self.0.iter().position(|standing| *standing == line);
        place.map(|place| self.0.swap_remove(place)).is_some()
    }
}

impl Bill {
    /// What was sent, filled in from the catalogue's entries (those that it names, as far as they are there). A line that
    /// stands in the draft as it is stays as it is, whatever has become of its service.
    ///
    /// # Errors
    /// Every fault at once: no such service, not offered on this day, or said otherwise than in the catalogue.
    pub fn complete(
        input: &InvoiceInput,
        catalogue: &[Service],
        standing: &[BillLine],
        on: NaiveDate,
    ) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let mut lines = Vec::with_capacity(input.items.len());
        let mut standing = Standing::of(standing);
        for (index, item) in input.items.iter().enumerate() {
            match complete_line(item, catalogue, &mut standing, on) {
                Ok(line) => lines.push(line),
                Err(found) => {
                    faults.0.extend(found.into_iter().map(|fault| {
                        let field = format!("items.{index}.{}", fault.field);
                        fault.at(field)
                    }));
                }
            }
        }
        if !faults.0.is_empty() {
            return Err(faults);
        }
        let InvoiceInput { patient, appointment, due_date, delivery_state, discount, .. } = *input;
        let discount_reason = input.discount_reason.clone().filter(|reason| !reason.is_empty());
        let delivery_address = input.delivery_address.clone().filter(|address| !address.is_empty());
        let registered_recipient = input.registered_recipient.clone();
        Ok(Self {
            patient,
            appointment,
            due_date,
            delivery_state,
            delivery_address,
            registered_recipient,
            discount,
            discount_reason,
            lines,
        })
    }
}

fn complete_line(
    item: &ItemInput,
    catalogue: &[Service],
    standing: &mut Standing<'_>,
    on: NaiveDate,
) -> Result<BillLine, Vec<Fault>> {
    if let Some(line) = as_it_is(item).filter(|line| line.service.is_none() || standing.has_one_more(line)) {
        return Ok(line);
    }
    let service = item.service.and_then(|id| catalogue.iter().find(|service| service.id == id.get()));
    let Some(service) = service else {
        return Err(vec![Fault::new("unknown", "there is no such service in the catalogue").at("service")]);
    };
    let mut faults = Vec::new();
    if !service.offered_on(on) {
        faults.push(Fault::new("not_offered", format!("the catalogue does not offer it on {on}")).at("service"));
    }
    let mut same = |same: bool, field: &str, more: &str| {
        if !same {
            let why = format!("is not what the catalogue says of this service{more}");
            faults.push(Fault::new("not_the_catalogues", why).at(field));
        }
    };
    same(item.sac_hsn.as_ref().is_none_or(|code| code.as_str() == service.sac_hsn), "sac_hsn", "");
    same(item.kind.is_none_or(|kind| kind == service.kind), "kind", "");
    same(item.circumstance.is_none_or(|it| Some(it) == service.circumstance), "circumstance", "");
    same(item.unit_price.is_none_or(|price| price == service.price), "unit_price", ": for less, give a discount");
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(BillLine {
        service: item.service,
        description: item.description.clone().unwrap_or_else(|| Line::new(&service.description).unwrap_or_default()),
        sac_hsn: SacHsn::known(&service.sac_hsn),
        kind: service.kind,
        circumstance: service.circumstance,
        quantity: item.quantity,
        unit_price: service.price,
        discount: item.discount,
        discount_reason: said(&item.discount_reason),
        gst_rate: item.gst_rate,
        gst_rate_reason: said(&item.gst_rate_reason),
    })
}

/// The line, where it says everything itself.
fn as_it_is(item: &ItemInput) -> Option<BillLine> {
    Some(BillLine {
        service: item.service,
        description: item.description.clone()?,
        sac_hsn: item.sac_hsn.clone()?,
        kind: item.kind?,
        circumstance: item.circumstance,
        quantity: item.quantity,
        unit_price: item.unit_price?,
        discount: item.discount,
        discount_reason: said(&item.discount_reason),
        gst_rate: item.gst_rate,
        gst_rate_reason: said(&item.gst_rate_reason),
    })
}

fn said(reason: &Option<Line<200>>) -> Option<Line<200>> {
    reason.clone().filter(|reason| !reason.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::as_conversions)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn x_ray() -> Service {
        Service {
            id: 3,
            version: 1,
            code: "XRAY-CHEST".into(),
            description: "Chest X-ray".into(),
            sac_hsn: "999317".into(),
            kind: Kind::Imaging,
            circumstance: None,
            price: Paise::rupees(450),
            effective_from: "2026-04-01".parse().unwrap(),
            effective_to: Some("2027-03-31".parse().unwrap()),
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    fn completed(item: Value, standing: &[BillLine], on: &str) -> Result<BillLine, Vec<(String, &'static str)>> {
        let input = chassis::strict_json::parse(json!({"patient": 1, "items": [item]})).unwrap();
        match Bill::complete(&input, &[x_ray()], standing, on.parse().unwrap()) {
            Ok(bill) => Ok(bill.lines[0].clone()),
            Err(faults) => Err(faults.0.into_iter().map(|fault| (fault.field, fault.code)).collect()),
        }
    }

    #[test]
    fn the_catalogue_fills_a_line() {
        let line = completed(json!({"service": 3, "quantity": 2}), &[], "2026-11-27").unwrap();
        assert_eq!((line.kind, line.unit_price, line.sac_hsn.as_str()), (Kind::Imaging, Paise::rupees(450), "999317"));
        assert_eq!(&*line.description, "Chest X-ray");
        let more = json!({"service": 3, "quantity": 1, "description": "Chest X-ray, two views", "unit_price": "450"});
        assert_eq!(&*completed(more, &[], "2026-11-27").unwrap().description, "Chest X-ray, two views");
    }

    #[test]
    fn a_line_does_not_contradict_the_catalogue() {
        let said = json!({"service": 3, "quantity": 1, "kind": "LAB", "sac_hsn": "9993", "unit_price": "1.00", "circumstance": "RECONSTRUCTIVE"});
        let fields = ["sac_hsn", "kind", "circumstance", "unit_price"];
        let expected: Vec<_> = fields.iter().map(|field| (format!("items.0.{field}"), "not_the_catalogues")).collect();
        assert_eq!(completed(said, &[], "2026-11-27").unwrap_err(), expected);
        let field = "items.0.service".to_owned();
        assert_eq!(
            completed(json!({"service": 4, "quantity": 1}), &[], "2026-11-27").unwrap_err(),
            [(field.clone(), "unknown")]
        );
        for day in ["2026-03-31", "2027-04-01"] {
            assert_eq!(
                completed(json!({"service": 3, "quantity": 1}), &[], day).unwrap_err(),
                [(field.clone(), "not_offered")]
            );
        }
    }

    #[test]
    fn a_line_of_a_draft_stays_whatever_becomes_of_its_service() {
        let line = completed(json!({"service": 3, "quantity": 2}), &[], "2026-11-27").unwrap();
        let again = serde_json::to_value(&line).unwrap();
        assert_eq!(completed(again.clone(), std::slice::from_ref(&line), "2030-01-01").unwrap(), line);
        assert_eq!(completed(again.clone(), &[], "2030-01-01").unwrap_err()[0].1, "not_offered");
        let twice = chassis::strict_json::parse(json!({"patient": 1, "items": [again.clone(), again]})).unwrap();
        let refused = Bill::complete(&twice, &[x_ray()], &[line], "2030-01-01".parse().unwrap()).unwrap_err();
        assert_eq!(refused.0[0].field, "items.1.service", "it stands there once");
    }
}
