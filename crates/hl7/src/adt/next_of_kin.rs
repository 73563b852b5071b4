//! NK1 to the one contact that a patient has.

use super::telecom::{Telecom, telecom};
use super::{Change, Contact, PhoneUse, Warnings, filled, identity, one_line};
use crate::message::{Message, Segment};

/// The emergency contact, or else the first next of kin; employers, insurers and agencies are neither.
pub(super) fn contact(message: &Message, warnings: &mut Warnings) -> Change<Contact> {
    let kin: Vec<Segment<'_>> = message
        .segments()
        .filter(|segment| segment.name() == "NK1")
        .filter(|nk1| !matches!(nk1.field(7).text().as_str(), "E" | "F" | "I" | "S"))
        .collect();
    let Some(nk1) = kin.iter().find(|nk1| is_emergency(nk1)).or_else(|| kin.first()) else {
        return Change::Keep;
    };
    if nk1.field(2).is_delete() {
        return Change::Delete;
    }
    let Some(name) = nk1.field(2).repetitions().find_map(|xpn| identity::one_name(&xpn)) else {
        warnings.add("NK1-2", "holds no name; the contact was left as it is");
        return Change::Keep;
    };
    Change::Set(Contact { name: name.full(), relationship: relationship(nk1), phone: phone(nk1) })
}

fn is_emergency(nk1: &Segment<'_>) -> bool {
    matches!(nk1.field(7).text().as_str(), "C" | "EP" | "EMC" | "EMR") || nk1.field(3).text() == "EMC"
}

fn relationship(nk1: &Segment<'_>) -> String {
    let (code, words) = (nk1.field(3).component(1).text(), nk1.field(3).component(2).text());
    filled(one_line(&words)).unwrap_or_else(|| match code.to_ascii_uppercase().as_str() {
        "SPO" => "Spouse".to_owned(),
        "DOM" => "Life partner".to_owned(),
        "MTH" => "Mother".to_owned(),
        "FTH" => "Father".to_owned(),
        "PAR" => "Parent".to_owned(),
        "CHD" | "SCH" | "NCH" => "Child".to_owned(),
        "SON" => "Son".to_owned(),
        "DAU" => "Daughter".to_owned(),
        "SIB" => "Sibling".to_owned(),
        "BRO" => "Brother".to_owned(),
        "SIS" => "Sister".to_owned(),
        "GRD" => "Guardian".to_owned(),
        "GRP" => "Grandparent".to_owned(),
        "GCH" => "Grandchild".to_owned(),
        "EXF" => "Extended family".to_owned(),
        "FND" => "Friend".to_owned(),
        "CGV" => "Care giver".to_owned(),
        "EMC" => "Emergency contact".to_owned(),
        "OTH" => "Other".to_owned(),
        _ => one_line(&code),
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
        contact(&message, &mut Warnings::default())
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
