//! NK1 to the people around a patient.

use super::telecom::{Telecom, telecom};
use super::{Change, Contact, PatientFacts, PhoneUse, Warnings, filled, identity, one_line};
use crate::message::{Message, Segment};
use crate::provenance::Place;
use crate::reading::numbered;
use crate::vocabulary;

/// All contacts, and the one to call: the emergency contact, or else the first next of kin. Employers, insurers and
/// agencies are neither.
pub(super) fn contacts(message: &Message, patient: &mut PatientFacts, warnings: &mut Warnings) {
    let kin: Vec<_> = numbered(message)
        .into_iter()
        .filter(|of| of.segment.name() == "NK1")
        .filter(|nk1| !matches!(nk1.segment.field(7).text().as_str(), "E" | "F" | "I" | "S"))
        .collect();
    for nk1 in &kin {
        if let Some(contact) = one(&nk1.segment) {
            patient.contacts.push(contact);
            patient.sources.add("contacts", Place::new("NK1", 2).occurrence(nk1.occurrence));
        }
    }
    let Some(nk1) = kin.iter().find(|nk1| is_emergency(&nk1.segment)).or_else(|| kin.first()) else { return };
    let place = Place::new("NK1", 2).occurrence(nk1.occurrence);
    patient.contact = match one(&nk1.segment) {
        _ if nk1.segment.field(2).is_delete() => Change::Delete,
        Some(contact) => Change::Set(contact),
        None => {
            warnings.add(place, "holds no name; the contact was left as it is");
            return;
        }
    };
    patient.sources.add("contact", place);
}

fn one(nk1: &Segment<'_>) -> Option<Contact> {
    let name = nk1.field(2).repetitions().find_map(|xpn| identity::one_name(&xpn))?;
    Some(Contact { name: name.full(), relationship: relationship(nk1), phone: phone(nk1) })
}

fn is_emergency(nk1: &Segment<'_>) -> bool {
    matches!(nk1.field(7).text().as_str(), "C" | "EP" | "EMC" | "EMR") || nk1.field(3).text() == "EMC"
}

fn relationship(nk1: &Segment<'_>) -> String {
    let (code, words) = (nk1.field(3).component(1).text(), nk1.field(3).component(2).text());
    filled(one_line(&words)).unwrap_or_else(|| {
        vocabulary::relationship(&code.to_ascii_uppercase()).map_or_else(|| one_line(&code), str::to_owned)
    })
}

fn phone(nk1: &Segment<'_>) -> String {
    [(5, PhoneUse::Home), (40, PhoneUse::Other), (6, PhoneUse::Work)]
        .into_iter()
        .flat_map(|(number, default_use)| nk1.field(number).repetitions().map(move |xtn| telecom(&xtn, default_use)))
        .find_map(|telecom| match telecom {
            Telecom::Phone(phone) => Some(phone.number),
            Telecom::Email(_) | Telecom::Neither => None,
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn read(kin: &str) -> Change<Contact> {
        let message = parse(format!("MSH|^~\\&|\r{kin}").as_bytes()).unwrap();
        let mut patient = PatientFacts::default();
        contacts(&message, &mut patient, &mut Warnings::default());
        patient.contact
    }

    #[test]
    fn whom_to_call_comes_before_who_is_related() {
        let contact = read("NK1|1|R^KUMAR|SPO^Husband||9876543210\rNK1|2|S^DEVI|FND||||C").into_value().unwrap();
        assert_eq!((contact.name.as_str(), contact.relationship.as_str()), ("DEVI S", "Friend"));
        let contact =
            read("NK1|1|TATA LTD|||||E\rNK1|2|S^MEENA^R|MTH||0442^^FX~^^CP^^91^^9876500000").into_value().unwrap();
        assert_eq!((contact.name.as_str(), contact.relationship.as_str()), ("MEENA R S", "Mother"));
        assert_eq!(contact.phone, "+919876500000");
    }

    #[test]
    fn no_kin_changes_nothing_and_a_deletion_deletes() {
        assert_eq!(read("PID|1"), Change::Keep);
        assert_eq!(read("NK1|1|TATA LTD|||||E"), Change::Keep);
        assert_eq!(read("NK1|1|\"\""), Change::Delete);
    }
}
